// A game server of others, to be asked by a probe: node server.js minecraft|bedrock PORT says {"up":true} once it listens, and
// takes lines such as {"players":7}.
const readline = require('readline')

const [kind, port] = [process.argv[2], Number(process.argv[3])]
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const kinds = {
  minecraft () {
    const server = require('minecraft-protocol').createServer({
      host: '127.0.0.1', port, version: '1.16.1', 'online-mode': false, maxPlayers: 20, motd: '\u00a7aHarbor'
    })
    server.on('listening', () => say({ up: true }))
    server.on('error', (error) => say({ error: String(error) }))
    return (players) => { server.playerCount = players }
  },
  bedrock () {
    const { Server } = require('bedrock-protocol')
    const server = new Server({
      host: '127.0.0.1', port, version: '1.17.10', useNativeRaknet: false, maxPlayers: 10,
      motd: { motd: 'Bay', levelName: 'Reef', version: '1.17.10' }
    })
    const advertisement = server.getAdvertisement()
    server.getAdvertisement = () => advertisement // else it counts the players of its own
    server.listen().then(() => say({ up: true }), (error) => say({ error: String(error) }))
    return (players) => { advertisement.playersOnline = players }
  }
}

const setPlayers = kinds[kind]()
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  setPlayers(JSON.parse(line).players)
  say({ done: true })
})
