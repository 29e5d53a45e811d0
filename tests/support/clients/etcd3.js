// A foreign server: registers through the etcd3 client of npm, as a service of somebody else's would.
// node etcd3.js ENDPOINT takes one JSON object a line and answers each with one:
//   {"do":"register","key","record","ttl"}   puts the record under a lease that it keeps alive: {"lease"}
//   {"do":"change","record"}                 puts it again under the same lease
//   {"do":"leave"}                           revokes the lease
"use strict";
const readline = require("readline");
const { Etcd3 } = require("etcd3");

const client = new Etcd3({ hosts: process.argv[2] });
let lease, key;

const put = (record) => lease.put(key).value(JSON.stringify(record));

const orders = {
    async register(order) {
        key = order.key;
        lease = client.lease(order.ttl);
        await put(order.record);
        return { lease: await lease.grant() };
    },
    async change(order) {
        await put(order.record);
        return {};
    },
    async leave() {
        await lease.revoke();
        return {};
    },
};

(async () => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const order = JSON.parse(line);
        const answer = await orders[order.do](order).catch((error) => ({ error: String(error) }));
        process.stdout.write(JSON.stringify(answer) + "\n");
    }
    client.close();
})();
