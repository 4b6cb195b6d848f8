// A headless Chromium for the tests: the real one of the machine, with a profile of its own.

import { after, afterEach, before, beforeEach } from 'node:test'
import { chromium } from 'playwright-core'
import { Recorder, patience } from './recorder.mjs'

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
  })
  after(async () => { await browser?.close() })
  // A recorder a test: the last beacons of the pages that afterEach closes come when they like, and find nobody.
  beforeEach(async () => { it.recorder = await new Recorder().start() })
  afterEach(async () => {
    await it.context?.close()
    await it.recorder.stop()
  })

  /** visitor is a browser nobody has seen before. made holds the id of every event that its pages make. */
  it.visitor = async (options = {}) => {
    const made = new Set()
    const failures = []
    it.context = await browser.newContext(options)
    it.context.setDefaultTimeout(patience)
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
  it.arrived = async (ms = patience) => {
    const { recorder } = it
    await recorder.until('every made event to arrive', () => [...it.made].every(id => recorder.ids().has(id)), ms)
    // The last beat of a page may be made so late that the test does not hear of it; nothing else may be strange.
    const strange = recorder.events.filter(event => !it.made.has(event.event_id) && event.type !== 'dwell')
    if (strange.length) throw new Error(`arrived, but nobody made them: ${JSON.stringify(strange)}`)
  }

  /**
   * settled shows that nothing more comes: the tracker sends in order, so what it has made until now is here
   * when an event made now is.
   */
  it.settled = async page => {
    const mark = `mark ${Math.random()}`
    await page.evaluate(name => leadstream('track', name), mark)
    const marked = event => event.name === mark
    await it.recorder.until('the mark', () => it.recorder.events.some(marked))
    for (const event of it.recorder.events.filter(marked)) it.made.delete(event.event_id)
    it.recorder.events = it.recorder.events.filter(event => !marked(event))
  }
  return it
}
