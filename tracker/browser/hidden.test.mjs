import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { executable, flags } from './launch.mjs'
import { tabs } from './pipe.mjs'
import { Recorder, pause } from './recorder.mjs'

let recorder, browser
before(async () => { browser = await tabs(executable, flags) })
after(async () => { await browser?.close() })
beforeEach(async () => { recorder = await new Recorder().start() })
afterEach(async () => { await recorder.stop() })

const told = () => Math.max(0, ...recorder.of('dwell').map(event => event.engaged_ms))
const becomes = (tab, state) => recorder.until(`a ${state} tab`, async () => await tab.run('document.visibilityState') === state)

test('a hidden tab tells what was read and stops counting, until somebody is back', async () => {
  recorder.page('/', 'read me')
  const opened = Date.now()
  const tab = await browser.open(`${recorder.site}/`)
  await tab.front()
  await recorder.until('the page', () => recorder.of('page')[0])
  assert.equal(await tab.run('document.visibilityState + document.hasFocus()'), 'visibletrue')
  await pause(2500)
  const other = await browser.open('about:blank')
  await other.front()
  await becomes(tab, 'hidden')
  await recorder.until('the beat', () => told() >= 2000)
  const first = told()
  assert.ok(first <= Date.now() - opened, `${first} ms`)
  const beats = recorder.of('dwell').length
  await pause(4000)
  assert.equal(recorder.of('dwell').length, beats)

  const returned = Date.now()
  await tab.front()
  await becomes(tab, 'visible')
  await tab.input('Mouse', { type: 'mouseMoved', x: 5, y: 5 })
  await pause(2000)
  await other.front()
  await becomes(tab, 'hidden')
  await recorder.until('the second beat', () => told() >= first + 1500)
  const grown = told() - first
  assert.ok(grown <= Date.now() - returned, `the four hidden seconds counted: it grew by ${grown} ms`)
  assert.equal(recorder.of('page').length, 1, 'coming back is not a new view')
})

test('a tab that is opened in the background counts no time', async () => {
  recorder.page('/back', 'later')
  const tab = await browser.open('about:blank')
  const other = await browser.open('about:blank')
  await other.front()
  await becomes(tab, 'hidden')
  await tab.go(`${recorder.site}/back`)
  await recorder.until('the page', () => recorder.of('page')[0])
  await pause(2500)
  assert.equal(await tab.run('document.visibilityState'), 'hidden', 'the tab is not hidden: nothing was tested')
  await tab.run(`leadstream('track', 'hidden')`)
  await recorder.until('the track', () => recorder.of('track')[0])
  assert.equal(recorder.of('track')[0].engaged_ms || 0, 0)
})
