// A whole leadstream for browser tests: LEADSTREAM_BIN is started with everything in it, on free ports, over a
// folder of its own, and a Chromium beside it. Both end with the test file.

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before } from 'node:test'
import { chromium } from 'playwright-core'
import { executable, flags } from './launch.mjs'
import { patience, pause } from './recorder.mjs'

const binary = process.env.LEADSTREAM_BIN
if (!binary) {
  throw new Error('LEADSTREAM_BIN names no leadstream binary: run `make build` and set LEADSTREAM_BIN=$PWD/bin/leadstream')
}

// at: name of a listener -> host:port.
export const at = {}
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

export async function until(what, ask, ms) {
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
  browser = await chromium.launch({ executablePath: executable, headless: true, args: [...flags, `--user-agent=${person()}`] })
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

// person is what a browser with a window calls itself: as it comes, a headless one says so, and robots make no leads. A
// context's own userAgent would not do, because requests that outlive their page (keepalive, beacons) go without it.
function person() {
  const [version] = /\d+/.exec(execFileSync(executable, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  return `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`
}

/** visitor is the browser of somebody who was never here. */
export async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  context.setDefaultTimeout(patience)
  return context
}
