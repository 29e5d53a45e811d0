// What gamedig reads from a server: node query.js TYPE PORT prints {"players":7,"capacity":20,"name":"Harbor"}.
const { GameDig } = require('gamedig')

async function main () {
  const [type, port] = [process.argv[2], Number(process.argv[3])]
  const found = await GameDig.query({ type, port, host: '127.0.0.1', givenPortOnly: true, socketTimeout: 1000, maxRetries: 3 })
  console.log(JSON.stringify({ players: found.numplayers, capacity: Number(found.maxplayers), name: found.name, map: found.map }))
}

main()
