// What a game studio would write in an afternoon: a Map of parsed records, and node's own http. Express, which most
// would put in front of it, is left out, in node's favour.
//
// usage: node node_list.js PORT FILE, a body of GET /api/services
'use strict';
const fs = require('fs');
const http = require('http');

const services = new Map();
for (const record of JSON.parse(fs.readFileSync(process.argv[3], 'utf8')).services) {
  services.set(`${record.type}/${record.id}`, record);
}

function list() {
  const all = [...services.values()];
  const healthy = all.filter((record) => record.status === 'ready').length;
  return { services: all, total: all.length, healthy, unhealthy: all.length - healthy };
}

function answer(response, status, value) {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  response.end(body);
}

const server = http.createServer((request, response) => {
  const [, api, name, type, id] = request.url.split('/');
  if (api === 'api' && name === 'services' && type === undefined) {
    answer(response, 200, list());
    return;
  }
  const record = api === 'api' && name === 'services' ? services.get(`${type}/${id}`) : undefined;
  if (record === undefined) {
    answer(response, 404, { error: 'not found' });
  } else {
    answer(response, 200, record);
  }
});
server.keepAliveTimeout = 600000;
process.on('SIGTERM', () => process.exit(0));
server.listen(Number(process.argv[2]), '127.0.0.1');
