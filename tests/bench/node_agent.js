// What a game studio would write in an afternoon: a record under a lease that the etcd3 client of npm keeps alive, and one
// connection to the game's port every second. One that is refused makes the record an error; nothing is asked twice.
//
// usage: NODE_PATH=MODULES node node_agent.js ENDPOINT KEY PORT
'use strict';
const net = require('net');
const { Etcd3 } = require('etcd3');

const [, , endpoint, key, port] = process.argv;
const client = new Etcd3({ hosts: endpoint });
const lease = client.lease(10);
let status;

async function publish(next) {
  if (next !== status) {
    status = next;
    await lease.put(key).value(JSON.stringify({ id: key.split('/').pop(), port: Number(port), status }));
  }
}

function probe() {
  const socket = net.connect({ host: '127.0.0.1', port: Number(port), timeout: 500 });
  const done = (next) => {
    socket.destroy();
    publish(next).catch((error) => {
      console.error(String(error));
      process.exit(1);
    });
  };
  socket.once('connect', () => done('ready'));
  socket.once('timeout', () => done('error'));
  socket.once('error', () => done('error'));
}

lease.on('lost', () => process.exit(1));
process.on('SIGTERM', () => lease.revoke().then(() => process.exit(0)));
probe();
setInterval(probe, 1000);
