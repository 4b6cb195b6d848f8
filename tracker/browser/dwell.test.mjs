import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answered, pass, stop } from './clock.mjs'
import { stage } from './launch.mjs'

const on = stage()

async function open(body = '') {
  on.recorder.page('/', body)
  const page = await (await on.visitor()).newPage()
  await stop(page)
  await page.goto(on.recorder.site)
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  await pass(page, 500)
  assert.equal(on.recorder.of('page').length, 1)
  return page
}

const beats = () => on.recorder.of('dwell').map(event => event.engaged_ms)

/** read lets time pass under the eyes of somebody who moves the mouse now and then. */
async function read(page, seconds) {
  for (let i = 0; i < seconds; i += 5) {
    await page.mouse.move(10 + i, 10 + i)
    await pass(page, 5000)
  }
}

test('every 15 s of engaged time is a beat, and the value is cumulative', async () => {
  const page = await open()
  await read(page, 50)
  assert.equal(beats().length, 3)
  beats().forEach((ms, i) => assert.ok(Math.abs(ms - 15_000 * (i + 1)) <= 1500, `beat ${i + 1} says ${ms}`))
  const dwell = on.recorder.of('dwell')
  assert.equal(new Set(dwell.map(e => e.event_id)).size, 3)
  assert.deepEqual(new Set(dwell.map(e => e.view_id)), new Set([on.recorder.of('page')[0].view_id]))
})

test('who touches nothing for 30 s has left', async () => {
  const page = await open()
  await pass(page, 120_000)
  assert.equal(beats().length, 2)
  assert.ok(Math.max(...beats()) <= 30_000, `two minutes away counted ${beats()}`)
  await page.keyboard.press('a')
  await pass(page, 17_000)
  assert.equal(beats().length, 3, 'a beat after the return')
  assert.ok(Math.abs(Math.max(...beats()) - 46_000) <= 2000, `30 s and 15 s more, told ${beats()}`)
})

test('time without focus does not count', async () => {
  const page = await open()
  await read(page, 5)
  const emulation = await on.context.newCDPSession(page)
  await emulation.send('Emulation.setFocusEmulationEnabled', { enabled: false })
  const other = await on.context.newPage()
  await other.bringToFront()
  await page.waitForFunction(() => !document.hasFocus())
  await pass(page, 25_000)
  await page.bringToFront()
  await page.waitForFunction(() => document.hasFocus())
  await read(page, 15)
  await page.goto('about:blank')
  await on.recorder.until('the last beat', () => Math.max(...beats()) > 16_000)
  assert.ok(Math.abs(Math.max(...beats()) - 20_000) <= 3000, `20 s of 45 had focus, told ${beats()}`)
})

test('a view that ends tells its time, a glance does not', async () => {
  const { recorder } = on
  const page = await open()
  await read(page, 5)
  await page.evaluate(() => history.pushState({}, '', '/next'))
  await pass(page, 500)
  assert.equal(beats().length, 1)
  assert.ok(Math.abs(beats()[0] - 5500) < 1000, `${beats()}`)
  assert.equal(recorder.of('dwell')[0].view_id, recorder.of('page')[0].view_id)
  assert.equal(new URL(recorder.of('dwell')[0].url).pathname, '/', 'the time belongs to the page that was read')
  await pass(page, 200)
  await page.evaluate(() => history.pushState({}, '', '/third'))
  await pass(page, 500)
  await answered(page)
  assert.equal(recorder.of('page').length, 3)
  assert.equal(beats().length, 1)
})
