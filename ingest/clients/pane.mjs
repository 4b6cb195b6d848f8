// A pane of glass in front of the collector: what leaves the browser goes through it, and is written down. Asking the browser
// itself would not do: it does not show the bodies of beacons and of blobs.

import http from 'node:http'
import { gunzipSync } from 'node:zlib'

export class Pane {
  seen = []   // what was sent: {url, body}, without preflights
  faults = [] // answers that were no yes
  open = 0

  constructor(collector) {
    this.collector = new URL(collector)
    this.server = http.createServer((request, response) => this.#pass(request, response))
  }

  async start() {
    await new Promise(done => this.server.listen(0, '127.0.0.1', done))
    this.url = `http://127.0.0.1:${this.server.address().port}`
    return this
  }

  async #pass(request, response) {
    this.open++
    response.on('close', () => { this.open-- })
    const chunks = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // the browser gave up in the middle: the collector has not seen it
    }
    const body = Buffer.concat(chunks)
    if (request.method !== 'OPTIONS') this.seen.push({ url: new URL(request.url, this.url), body: unpacked(body) })
    const { hostname, port } = this.collector
    const on = http.request({ hostname, port, path: request.url, method: request.method, headers: request.headers }, answer => {
      if (answer.statusCode >= 300) this.faults.push(`${answer.statusCode} ${request.method} ${request.url}`)
      response.writeHead(answer.statusCode, answer.headers)
      answer.pipe(response)
    })
    on.on('error', error => { this.faults.push(`${error.message} ${request.url}`); response.destroy() })
    on.end(body)
  }
}

const unpacked = body => (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body).toString('utf8')
