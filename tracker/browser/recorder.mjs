// A collector that writes down what it was sent, and can be told to fail; and the site that sends it.
// With LEADSTREAM_URL set it is a glass pane in front of that real collector: what it writes down
// then is what the collector has answered 2xx for.

import { readFile } from 'node:fs/promises'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const tracker = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const behind = process.env.LEADSTREAM_URL
// TRACKER_TEST_DELAY makes every answer this many ms late: what a slow machine does to a test, to be had at will.
const late = Number(process.env.TRACKER_TEST_DELAY || 0)

// patience is how long a test waits for what must come, in ms: a busy machine is not a broken one.
export const patience = 60_000
const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.pdf': 'application/pdf' }

export class Recorder {
  bodies = []      // everything that came in, refused or not: {at, status, body}
  events = []      // events answered with 2xx, in order, repeats included
  pages = new Map()
  answers = []     // how the next posts are answered: {status, retryAfter, when: a promise to wait for}
  #server = http.createServer((request, response) => this.#serve(request, response).catch(error => {
    response.writeHead(500).end(String(error.stack))
  }))

  async start() {
    await new Promise(done => this.#server.listen(0, '127.0.0.1', done))
    this.port = this.#server.address().port
    // Two names for one server: the site is a stranger to the collector, and on plain http, as many are.
    this.site = `http://site.example:${this.port}`
    this.collector = `http://collect.example:${this.port}`
    this.local = `http://127.0.0.1:${this.port}` // a secure context
    return this
  }

  stop() {
    this.#server.closeAllConnections()
    return new Promise(done => this.#server.close(done))
  }

  /** page puts a page on the site; extra are attributes of the tag, headers of the answer. */
  page(where, body, { tag = '', head = '', headers = {}, script = `${this.collector}/tracker.js`, debug = 'data-debug' } = {}) {
    const html = `<!doctype html><html><head><title>${where}</title>${head}` +
      `<script async src="${script}" data-key="demo" ${debug} ${tag}></script></head><body>${body}</body></html>`
    this.pages.set(where, { html, headers })
  }

  of(type) {
    return this.events.filter(event => event.type === type)
  }

  ids() {
    return new Set(this.events.map(event => event.event_id))
  }

  /** until waits for what must come; it says what there was instead. */
  async until(what, holds, ms = patience) {
    for (const end = Date.now() + ms; Date.now() < end; await pause(20)) {
      const value = await holds(this)
      if (value) return value
    }
    throw new Error(`waited ${ms} ms for ${what}; had ` +
      JSON.stringify(this.events.map(e => `${e.type} ${e.name || ''} ${e.url}`), null, 1) +
      ` of ${this.bodies.length} posts ${this.bodies.map(b => b.status)}`)
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.site)
    if (request.method === 'POST' || request.method === 'OPTIONS') return this.#take(request, response, url)
    if (url.pathname === '/tracker.js') return this.#file(response, 'dist/tracker.js')
    if (url.pathname.startsWith('/demo/')) {
      return this.#file(response, url.pathname.slice(1) + (url.pathname.endsWith('/') ? 'index.html' : ''))
    }
    const page = this.pages.get(url.pathname)
    if (!page) return response.writeHead(404, { 'Content-Type': 'text/plain' }).end('no such page')
    response.writeHead(200, { 'Content-Type': types['.html'], ...page.headers }).end(page.html)
  }

  async #file(response, name) {
    const bytes = await readFile(path.join(tracker, name)).catch(() => null)
    if (!bytes) return response.writeHead(404).end('no such file')
    response.writeHead(200, { 'Content-Type': types[path.extname(name)] || 'application/octet-stream' }).end(bytes)
  }

  async #take(request, response, url) {
    const origin = request.headers.origin
    const cors = origin ? {
      'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true', Vary: 'Origin',
      'Access-Control-Expose-Headers': 'Retry-After',
    } : {}
    if (request.method === 'OPTIONS') {
      // The tracker must never need a preflight; this one is written down as a fault.
      this.bodies.push({ at: Date.now(), status: 'PREFLIGHT' })
      return response.writeHead(204, cors).end()
    }
    let body = ''
    try {
      for await (const chunk of request.setEncoding('utf8')) body += chunk
    } catch {
      return // the browser gave up in the middle: nothing has been taken
    }
    const answer = this.answers.shift() || {}
    const note = { at: Date.now(), status: answer.status || 200, body: JSON.parse(body), url: url.href, headers: request.headers }
    this.bodies.push(note)
    await answer.when
    await pause(late)
    if (note.status === 200 && behind) note.status = await forward(url, body, request.headers)
    if (note.status < 300) this.events.push(...note.body.events)
    if (answer.retryAfter) cors['Retry-After'] = answer.retryAfter
    response.writeHead(note.status, cors).end('{}')
  }
}

async function forward(url, body, headers) {
  const reply = await fetch(behind + url.pathname + url.search, {
    method: 'POST', body, headers: { 'Content-Type': headers['content-type'], 'User-Agent': headers['user-agent'] },
  })
  return reply.status
}

export const pause = ms => new Promise(done => setTimeout(done, ms))
