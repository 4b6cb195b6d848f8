// node browse.mjs PAGE ADDRESS SCRIPT [METHOD PATH]: opens a page with a client of another tool, bundled in SCRIPT, in headless Chromium;
// the client sends to the collector at ADDRESS. Prints what left the browser, as JSON: {"messages": [{id, word, name}]}.

import { readFileSync } from 'node:fs'
import http from 'node:http'
import { chromium } from 'playwright-core'
import { messages } from './messages.mjs'
import { Pane } from './pane.mjs'

const [client, address, script, method, path] = process.argv.slice(2)
const patience = 90_000 // ms; a busy machine is not a broken one
const names = Array.from({ length: 20 }, (_, i) => `${client} ${i}`)
const read = messages[client]

async function until(what, holds) {
  for (const end = Date.now() + patience; !await holds(); await new Promise(done => setTimeout(done, 50))) {
    if (Date.now() > end) throw new Error(`waited ${patience} ms for ${what}; had ${JSON.stringify(pane.seen, null, 1).slice(0, 8000)}; faults ${pane.faults}`)
  }
}

const pane = await new Pane(address).start()
const site = http.createServer((request, response) => {
  const code = request.url === '/client.js'
  response.writeHead(200, { 'Content-Type': code ? 'text/javascript' : 'text/html' })
  response.end(code ? readFileSync(script) : request.url === '/bye' ? 'bye' :
    '<!doctype html><title>Pricing</title><body style="height:5000px">Pricing<script type="module" src="/client.js"></script>')
})
await new Promise(done => site.listen(0, '127.0.0.1', done))
const here = `http://127.0.0.1:${site.address().port}`

const browser = await chromium.launch({
  executablePath: process.env.LEADSTREAM_CHROMIUM || '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
})
const major = browser.version().split('.')[0]
const context = await browser.newContext({
  userAgent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`,
})
context.setDefaultTimeout(patience)
await context.addInitScript(task => { window.task = task }, { collector: pane.url, names, method, path })
const page = await context.newPage()
page.on('console', message => console.error(message.type(), message.text()))
page.on('pageerror', error => console.error('error', error.message))
await page.goto(`${here}/pricing`)
await page.waitForFunction(() => window.done)

const sent = () => pane.seen.flatMap(read)
await until('every event to be sent', () => names.every(name => sent().some(message => message.name === name)))
if (client === 'snowplow') {
  // Somebody who reads: each second with a sign of life is a ping.
  await until('a page ping', async () => {
    await page.mouse.move(Math.random() * 500, Math.random() * 500)
    return sent().some(({ word }) => word === 'pp')
  })
}
await new Promise(done => setTimeout(done, 1500)) // engaged time below a second is told to nobody
await page.goto(`${here}/bye`) // what a client keeps for the end is sent now
await until('the answers', () => pane.open === 0)
await context.close()
await browser.close()
await until('the last answers', () => pane.open === 0)
if (pane.faults.length) throw new Error(`the collector did not say yes: ${pane.faults}`)
process.stdout.write(JSON.stringify({ names, messages: sent() }) + '\n', () => process.exit(0))
