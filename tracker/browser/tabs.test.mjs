import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answered, posts, stop } from './clock.mjs'
import { stage } from './launch.mjs'
import { pause } from './recorder.mjs'

const on = stage()

const queues = page => page.evaluate(() => Object.keys(localStorage).filter(key => key.startsWith('_ls_q')).sort())

test('two tabs are one visitor in one session, and send nothing twice', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const context = await on.visitor()
  const [one, two] = [await context.newPage(), await context.newPage()]
  await one.goto(recorder.site)
  await recorder.until('one', () => recorder.of('page').length === 1)
  await two.goto(recorder.site)
  await recorder.until('two', () => recorder.of('page').length === 2)
  for (let i = 0; i < 5; i++) {
    await one.evaluate(i => leadstream('track', `one ${i}`), i)
    await two.evaluate(i => leadstream('track', `two ${i}`), i)
  }
  await recorder.until('ten tracks', () => recorder.of('track').length >= 10)
  await on.arrived()
  for (const id of ['anonymous_id', 'session_id']) assert.equal(new Set(recorder.events.map(e => e[id])).size, 1, id)
  assert.equal(new Set(recorder.events.map(e => e.view_id)).size, 2)
  assert.equal(recorder.events.length, recorder.ids().size, 'something was sent twice')
})

test('what a closed tab left behind is sent by one of two others, not by both', async () => {
  const { recorder } = on
  recorder.page('/', '', { script: '/tracker.js' })
  const context = await on.visitor()
  const first = await context.newPage()
  recorder.answers = [{ status: 503, retryAfter: '1' }]
  await first.goto(recorder.local) // a secure context, so navigator.locks is there
  await recorder.until('the refusal', () => recorder.bodies[0])
  const closed = first.waitForEvent('close')
  await first.close({ runBeforeUnload: true })
  await closed
  await pause(1500) // Retry-After holds for the heirs too
  const [one, two] = [await context.newPage(), await context.newPage()]
  await Promise.all([one.goto(recorder.local), two.goto(recorder.local)])
  await on.arrived()
  for (const page of [one, two]) await on.settled(page)
  assert.equal(recorder.events.length, recorder.ids().size, 'both heirs sent it')
  assert.equal(recorder.of('page').length, 3)
  await answered(one)
})

test('a living tab keeps what it is still trying to send', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const context = await on.visitor()
  const one = await context.newPage()
  await stop(one)
  const open = async page => {
    await page.goto(recorder.site)
    await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  }
  recorder.answers = [{ status: 503, retryAfter: '60' }]
  const refused = one.waitForResponse(response => response.status() === 503)
  await open(one)
  await refused
  const two = await context.newPage()
  await open(two)
  await recorder.until("the second tab's page", () => recorder.of('page').length === 1)
  // It looks for heritage every 5 s, and sends its own two beats.
  for (const beats of [1, 2]) {
    assert.ok(await posts(two, 20_000))
    await recorder.until('its beat', () => recorder.of('dwell').length === beats)
  }
  assert.ok(!await posts(two, 15_000), "the second tab sent the first one's events although that one lives")
  assert.equal(recorder.of('page').length, 1)
  assert.ok(await posts(one, 60_000))
  await recorder.until("the first tab's page", () => recorder.of('page').length === 2)
  await on.arrived()
  assert.equal(recorder.of('page').length, 2)
})

test('a tab that died without a word is inherited when its lease is over', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const context = await on.visitor()
  const page = await context.newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  const old = { event_id: '00000000-0000-4000-8000-000000000001', type: 'track', name: 'last words', url: recorder.site, timestamp: Date.now() - 300_000 }
  const stale = { ...old, event_id: '00000000-0000-4000-8000-000000000002', timestamp: Date.now() - 90_000_000 }
  await page.evaluate(([old, stale]) => {
    localStorage['_ls_q.dead'] = JSON.stringify([Date.now() - 1, stale, old])
    localStorage['_ls_q.alive'] = JSON.stringify([Date.now() + 60_000, { ...old, name: 'not yours' }])
    localStorage['_ls_q.broken'] = '[1,{'
  }, [old, stale])
  await page.reload()
  await recorder.until('the last words', () => recorder.of('track').some(e => e.name === 'last words'))
  await on.settled(page)
  assert.deepEqual(recorder.of('track').map(e => e.name), ['last words'], 'a day old, or not ours to send')
  assert.ok((await queues(page)).includes('_ls_q.alive'))
})
