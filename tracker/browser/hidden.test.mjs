import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { executable, flags } from './launch.mjs'
import { tabs } from './pipe.mjs'
import { Recorder, pause } from './recorder.mjs'

let recorder, browser
before(async () => {
  recorder = await new Recorder().start()
  browser = await tabs(executable, flags)
})
after(async () => {
  await browser?.close()
  await recorder?.stop()
})

test('a hidden tab tells what was read and stops counting, until somebody is back', async () => {
  recorder.page('/', 'read me')
  const tab = await browser.open(`${recorder.site}/`)
  await tab.front()
  await recorder.until('the page', () => recorder.of('page')[0])
  assert.equal(await tab.run('document.visibilityState + document.hasFocus()'), 'visibletrue')
  await pause(2500)
  const other = await browser.open('about:blank')
  await other.front()
  await recorder.until('the beat', () => recorder.of('dwell')[0])
  assert.equal(await tab.run('document.visibilityState'), 'hidden', 'the tab is not hidden: nothing was tested')
  const [beat] = recorder.of('dwell')
  assert.ok(beat.engaged_ms >= 2000 && beat.engaged_ms < 5000, `${beat.engaged_ms} ms`)
  await pause(4000)
  assert.equal(recorder.of('dwell').length, 1)
  await tab.front()
  await tab.input('Mouse', { type: 'mouseMoved', x: 5, y: 5 })
  await pause(2000)
  await other.front()
  await recorder.until('the second beat', () => recorder.of('dwell')[1])
  const grown = recorder.of('dwell')[1].engaged_ms - beat.engaged_ms
  assert.ok(grown >= 1500 && grown < 4000, `the four hidden seconds counted: it grew by ${grown} ms`)
  assert.equal(recorder.of('page').length, 1, 'coming back is not a new view')
})

test('a tab that is opened in the background counts no time', async () => {
  recorder.forget()
  recorder.page('/back', 'later')
  const tab = await browser.open(`${recorder.site}/back`)
  const other = await browser.open('about:blank')
  await other.front()
  await recorder.until('the page', () => recorder.of('page')[0])
  await pause(2500)
  await tab.run(`leadstream('track', 'hidden')`)
  await recorder.until('the track', () => recorder.of('track')[0], 15_000)
  assert.ok(recorder.of('track')[0].engaged_ms < 1000, `${recorder.of('track')[0].engaged_ms} ms`)
})
