// The whole path, with a real browser at its beginning: LEADSTREAM_BIN is started with everything in it, a
// visit is clicked on its demo site, and the events that the browser made are looked for in ClickHouse, and
// the visitor in the leads API.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { executable, flags } from './launch.mjs'
import { pause } from './recorder.mjs'

const binary = process.env.LEADSTREAM_BIN
if (!binary) {
  throw new Error('LEADSTREAM_BIN names no leadstream binary: run `make build` and set LEADSTREAM_BIN=$PWD/bin/leadstream')
}

const at = {}
let leadstream, browser, data
let said = ''

async function freePorts(names) {
  const held = await Promise.all(names.map(name => new Promise(done => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      at[name] = `127.0.0.1:${server.address().port}`
      done(server)
    })
  })))
  await Promise.all(held.map(server => new Promise(done => server.close(done))))
}

async function until(what, ask, ms) {
  let error
  for (const end = Date.now() + ms; Date.now() < end; await pause(100)) {
    try {
      const value = await ask()
      if (value) return value
    } catch (e) {
      error = e
    }
    if (leadstream.exitCode !== null) throw new Error(`leadstream ended with ${leadstream.exitCode}:\n${said}`)
  }
  throw new Error(`waited ${ms} ms for ${what}${error ? `: ${error.message}` : ''}\n${said.slice(-4000)}`)
}

before(async () => {
  await freePorts(['ingest', 'leads', 'telemetry', 'kafka', 'clickhouse', 'clickhouse-http'])
  data = mkdtempSync(path.join(tmpdir(), 'leadstream-browser-'))
  const listens = Object.entries(at).map(([name, address]) => `--${name}-listen=${address}`)
  leadstream = spawn(binary, ['all', `--data-dir=${data}`, ...listens], { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [leadstream.stdout, leadstream.stderr]) stream.setEncoding('utf8').on('data', text => { said += text })
  await until('leadstream to be ready', async () => (await fetch(`http://${at.telemetry}/readyz`)).ok, 120_000)
  browser = await chromium.launch({ executablePath: executable, headless: true, args: flags })
})

after(async () => {
  await browser?.close()
  if (leadstream && leadstream.exitCode === null) {
    const gone = new Promise(done => leadstream.once('exit', done))
    leadstream.kill('SIGTERM')
    await gone
  }
  if (data) rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})

async function stored(anonymous) {
  const sql = `SELECT DISTINCT toString(event_id), toString(type) FROM leadstream.events WHERE anonymous_id = '${anonymous}' FORMAT TSV`
  const reply = await fetch(`http://${at['clickhouse-http']}/`, { method: 'POST', body: sql })
  const text = await reply.text()
  if (!reply.ok) throw new Error(text)
  return new Map(text.split('\n').filter(Boolean).map(line => line.split('\t')))
}

test('what a browser does on the demo site is in ClickHouse, and is a lead', async () => {
  // As it comes, the browser calls itself headless, and robots make no leads.
  const version = browser.version().split('.')[0]
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    userAgent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`,
  })
  const made = new Set()
  const complaints = []
  await context.exposeBinding('leadstreamMade', (_, id) => { made.add(id) })
  await context.addInitScript(() => {
    const log = console.log
    console.log = (word, event) => word === 'leadstream' && event.event_id ? window.leadstreamMade(event.event_id) : log(word, event)
    // The demo does not debug; its tag is told to, before the script runs.
    new MutationObserver(() => document.querySelector('script[data-key]')?.setAttribute('data-debug', ''))
      .observe(document, { childList: true, subtree: true })
  })
  const page = await context.newPage()
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()) })

  await page.goto(`http://${at.ingest}/demo/?utm_source=newsletter`)
  for (const name of ['Product', 'Pricing', 'Docs']) {
    await page.click(`nav >> text=${name}`)
    await page.waitForURL(`**/${name.toLowerCase()}**`)
  }
  await page.click('aside >> text=Install the box')
  await page.waitForURL('**/docs/install.html')
  await page.click('header >> text=Request a demo')
  await page.fill('[name=name]', 'Ada Kiln')
  await page.fill('[name=email]', 'ada@boden.example')
  await page.fill('[name=company]', 'Boden')
  await page.click('form .button')
  await page.waitForURL('**/thanks.html')
  const { value: anonymous } = (await context.cookies()).find(cookie => cookie.name === '_ls_id')
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  await page.evaluate(() => leadstream('track', 'the end'))

  await until('every event in ClickHouse', async () => {
    const ids = await stored(anonymous)
    return made.size > 10 && [...made].every(id => ids.has(id))
  }, 20_000)
  // The last beat of a page may be made so late that the test does not hear of it; nothing else may be strange.
  for (const [id, type] of await stored(anonymous)) assert.ok(made.has(id) || type === 'dwell', `nobody made ${type} ${id}`)
  const leads = await until('the lead', async () => {
    const reply = await fetch(`http://${at.leads}/v1/leads?q=${anonymous}`)
    const answer = await reply.json()
    if (!answer.leads?.some(lead => lead.user_id === 'ada@boden.example')) throw new Error(JSON.stringify(answer))
    return answer.leads
  }, 20_000)
  assert.equal(leads.length, 1, 'one person is one lead')
  assert.ok(leads[0].score > 0, JSON.stringify(leads[0]))
  assert.deepEqual(complaints, [])
  await context.close()
})
