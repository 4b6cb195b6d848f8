import assert from 'node:assert/strict'
import { test } from 'node:test'
import { posts, stop } from './clock.mjs'
import { stage } from './launch.mjs'
import { pause } from './recorder.mjs'

const on = stage()

/** open runs a page that has been spoilt first; the page's own script must come through all the same. */
async function open(spoil, options = {}) {
  const { recorder } = on
  recorder.page('/', '<button onclick="window.worked = true">work</button>', options)
  const page = await (await on.visitor()).newPage()
  if (spoil) await page.addInitScript(spoil)
  await page.goto(recorder.site)
  return page
}

async function worksOn(page) {
  await page.click('button')
  assert.equal(await page.evaluate(() => window.worked), true)
}

test('storage that throws: one id for the page, events arrive', async () => {
  const { recorder } = on
  const page = await open(() => {
    Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })
    Object.defineProperty(Document.prototype, 'cookie', { get() { throw new DOMException('no', 'SecurityError') }, set() { throw new Error('no') } })
  })
  await recorder.until('the page', () => recorder.of('page')[0])
  await worksOn(page)
  await recorder.until('the click', () => recorder.of('click')[0])
  assert.equal(new Set(recorder.events.map(e => e.anonymous_id)).size, 1)
  assert.ok(recorder.events[0].anonymous_id)
})

test('storage that is full: events arrive', async () => {
  const { recorder } = on
  const page = await open(() => { for (let n = 5_000_000; n > 1;) try { localStorage.filler = (localStorage.filler || '') + 'x'.repeat(n) } catch { n >>= 1 } })
  await recorder.until('the page', () => recorder.of('page')[0])
  await worksOn(page)
  await on.arrived()
})

for (const [name, spoil] of [
  ['throws', () => { window.fetch = () => { throw new Error('page') } }],
  ['is gone', () => { delete window.fetch; window.fetch = undefined }],
  ['rejects', () => { window.fetch = () => Promise.reject(new Error('page')) }],
  ['answers nonsense', () => { window.fetch = () => 42 }],
]) {
  test(`a page whose fetch ${name}: events arrive another way`, async () => {
    const page = await open(spoil)
    await worksOn(page)
    await on.arrived()
    assert.ok(on.recorder.of('click')[0])
  })
}

test('a fetch that never answers is given up', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  await stop(page)
  await page.addInitScript(() => { window.fetch = () => new Promise(() => {}) })
  await page.goto(recorder.site)
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  assert.ok(!await posts(page, 19_000))
  assert.ok(await posts(page, 4000))
  await recorder.until('the page by the other way', () => recorder.of('page')[0])
})

test('toJSON on Array.prototype does not spoil lists, and is still the page\'s own', async () => {
  const { recorder } = on
  const page = await open(() => { Array.prototype.toJSON = function () { return '[' + this.map(x => JSON.stringify(x)).join(', ') + ']' } }, { debug: '' }) // the test's own binding would fall over it
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  await page.evaluate(() => leadstream('track', 'list', { items: ['a', { b: [1] }] }))
  await recorder.until('the track', () => recorder.of('track')[0])
  assert.deepEqual(recorder.of('track')[0].properties, { items: ['a', { b: [1] }] })
  assert.equal(await page.evaluate(() => JSON.stringify(['x'])), '"[\\"x\\"]"')
})

test('a strict policy that allows the collector is enough', async () => {
  const { recorder } = on
  const page = await open(null, { headers: {
    'Content-Security-Policy': `default-src 'none'; script-src ${recorder.collector}; connect-src ${recorder.collector}; require-trusted-types-for 'script'`,
  } })
  await recorder.until('the page', () => recorder.of('page')[0])
  assert.deepEqual(on.failures, [])
  await page.close()
})

test('a policy that forbids the collector leaves the page in peace', async () => {
  const page = await open(null, { headers: { 'Content-Security-Policy': `connect-src 'none'` } })
  await worksOn(page)
  await pause(800)
  assert.equal(on.recorder.bodies.length, 0)
  assert.deepEqual(on.failures, [])
})

test('huge, circular, throwing and changing properties', async () => {
  const { recorder } = on
  const page = await open()
  await recorder.until('the page', () => recorder.of('page')[0])
  await page.evaluate(() => {
    leadstream('track', 'huge', { text: 'x'.repeat(2_000_000) })
    const circle = {}
    circle.self = circle
    leadstream('track', 'circular', circle)
    leadstream('track', 'throwing', { get boom() { throw new Error('page') } })
    leadstream('track', 'big', { n: 10n })
    leadstream('track', 'n'.repeat(100_000))
    const basket = { items: 1 }
    leadstream('track', 'basket', basket)
    basket.items = 2
  })
  await recorder.until('six tracks', () => recorder.of('track').length === 6)
  const told = Object.fromEntries(recorder.of('track').map(e => [e.name.slice(0, 9), e.properties]))
  assert.deepEqual(told, {
    huge: { oversize: true }, circular: { oversize: true }, throwing: { oversize: true }, big: { oversize: true },
    nnnnnnnnn: undefined, basket: { items: 1 },
  })
  for (const { body } of recorder.bodies) assert.ok(Buffer.byteLength(JSON.stringify(body)) < 65_536)
})

test('nonsense on the command queue harms nobody', async () => {
  const { recorder } = on
  const page = await open()
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  const thrown = await page.evaluate(() => {
    try {
      leadstream()
      leadstream('no such command', 1)
      leadstream('__proto__')
      leadstream('track')
      leadstream('track', { a: 1 }, 'text')
      leadstream('track', Symbol('s'))
      leadstream('identify', { toString() { throw new Error('page') } })
      leadstream('consent')
    } catch (error) { return String(error) }
  })
  assert.equal(thrown, undefined)
  await worksOn(page)
})

test('old browsers: without locks, without sendBeacon, without randomUUID', async () => {
  const { recorder } = on
  const page = await open(() => {
    for (const name of ['locks', 'sendBeacon']) Object.defineProperty(navigator, name, { value: undefined })
    crypto.randomUUID = undefined
  })
  await recorder.until('the page', () => recorder.of('page')[0])
  await page.evaluate(() => leadstream('track', 'last'))
  recorder.page('/next', '')
  await page.goto(`${recorder.site}/next`)
  await on.arrived()
})

test('a frame without an origin of its own: events arrive, nothing is thrown', async () => {
  const { recorder } = on
  const page = await open(null, { headers: { 'Content-Security-Policy': 'sandbox allow-scripts' } })
  await recorder.until('the page', () => recorder.of('page')[0])
  await worksOn(page)
  await recorder.until('the click', () => recorder.of('click')[0])
})
