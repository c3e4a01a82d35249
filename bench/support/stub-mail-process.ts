/**
 * The site's mail server, as light as it can be: whoever comes is let in, and finds the messages of the files named
 * on the command line. It tells its port to the process that forked it.
 */
import fs from 'node:fs'
import net from 'node:net'

const messages = process.argv.slice(2).map((file) => fs.readFileSync(file))
const CAPABILITY = '[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN]'

function serve(socket: net.Socket): void {
  let rest = ''
  socket.setEncoding('latin1')
  socket
    .on('error', () => undefined)
    .on('data', (text: string) => {
      const lines = (rest + text).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) answer(socket, line)
    })
  socket.write(`* OK ${CAPABILITY} ready\r\n`)
}

function answer(socket: net.Socket, line: string): void {
  const [tag = '', name = '', number = ''] = line.split(' ')
  switch (name.toUpperCase()) {
    case 'AUTHENTICATE':
      socket.write(`${tag} OK ${CAPABILITY} logged in\r\n`)
      return
    case 'EXAMINE':
      socket.write(`* ${messages.length} EXISTS\r\n${tag} OK [READ-ONLY] selected\r\n`)
      return
    case 'FETCH': {
      const message = messages[Number(number) - 1] ?? Buffer.alloc(0)
      socket.cork()
      socket.write(`* ${number} FETCH (BODY[] {${message.length}}\r\n`)
      socket.write(message)
      socket.write(`)\r\n${tag} OK fetched\r\n`)
      socket.uncork()
      return
    }
    default:
      socket.write(`${tag} OK done\r\n`)
  }
}

const server = net.createServer({ noDelay: true }, serve)
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () =>
  process.send?.((server.address() as net.AddressInfo).port),
)
process.on('disconnect', () => process.exit(0))
