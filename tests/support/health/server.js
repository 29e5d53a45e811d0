// A gRPC server: node server.js PORT health|none [CERT KEY] says {"up":true} once it listens. One with the health service takes lines
// such as {"service":"game","status":"NOT_SERVING"}.
const fs = require('fs')
const readline = require('readline')
const grpc = require('@grpc/grpc-js')
const { HealthImplementation } = require('grpc-health-check')

const [port, kind, cert, key] = process.argv.slice(2)
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const health = new HealthImplementation({ '': 'SERVING', game: 'SERVING' })
const server = new grpc.Server()
if (kind === 'health') {
  health.addToServer(server)
}
const credentials = cert
  ? grpc.ServerCredentials.createSsl(null, [{ cert_chain: fs.readFileSync(cert), private_key: fs.readFileSync(key) }])
  : grpc.ServerCredentials.createInsecure()
server.bindAsync('127.0.0.1:' + port, credentials, (error) => say(error ? { error: String(error) } : { up: true }))
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line)
  health.setStatus(order.service, order.status)
  say({ done: true })
})
