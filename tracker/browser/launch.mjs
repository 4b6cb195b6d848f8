// A headless Chromium for the tests: the real one of the machine, with a profile of its own.

import { after, afterEach, before } from 'node:test'
import { chromium } from 'playwright-core'
import { Recorder, pause } from './recorder.mjs'

export const executable = process.env.LEADSTREAM_CHROMIUM || '/usr/bin/chromium'

export const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP *.example 127.0.0.1',
]

/** stage gives a test file its browser and its recorder; both are fresh for every test. */
export function stage() {
  const it = { made: new Set(), failures: [] }
  let browser
  before(async () => {
    browser = await chromium.launch({
      executablePath: executable, headless: true, args: flags,
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    })
    it.recorder = await new Recorder().start()
  })
  after(async () => {
    await browser?.close()
    await it.recorder?.stop()
  })
  afterEach(async () => {
    await it.context?.close()
    await pause(150) // the last beacons of the closed pages belong to this test, not to the next
    it.recorder.forget()
  })

  /** visitor is a browser nobody has seen before. made holds the id of every event that its pages make. */
  it.visitor = async (options = {}) => {
    const made = new Set()
    const failures = []
    it.context = await browser.newContext(options)
    await it.context.exposeBinding('leadstreamMade', (_, id) => { made.add(id) })
    await it.context.addInitScript(() => {
      const log = console.log
      console.log = (word, event) => {
        if (word === 'leadstream' && event && event.event_id) window.leadstreamMade(event.event_id)
        else log(word, event)
      }
    })
    it.context.on('weberror', error => failures.push(error.error()))
    it.context.on('console', message => {
      if (message.text().startsWith('leadstream')) failures.push(message.text())
    })
    it.made = made
    it.failures = failures // what the pages or the tracker complained of
    return it.context
  }

  /** arrived waits until every event that was made has arrived, and no other. */
  it.arrived = async (ms = 10_000) => {
    const { recorder } = it
    await recorder.until('every made event to arrive', () => [...it.made].every(id => recorder.ids().has(id)), ms)
    // The last beat of a page may be made so late that the test does not hear of it; nothing else may be strange.
    const strange = recorder.events.filter(event => !it.made.has(event.event_id) && event.type !== 'dwell')
    if (strange.length) throw new Error(`arrived, but nobody made them: ${JSON.stringify(strange)}`)
  }
  return it
}
