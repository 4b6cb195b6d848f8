import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from './launch.mjs'
import { pause } from './recorder.mjs'

const on = stage()

/** traces is everything the browser has kept of us. */
const traces = async page => ({
  keys: await page.evaluate(() => Object.keys(localStorage).concat(Object.keys(sessionStorage))),
  cookies: (await on.context.cookies()).map(cookie => cookie.name),
})
const none = { keys: [], cookies: [] }

async function open(tag, { before, head } = {}) {
  on.recorder.page('/', '<a href="/other">x</a>', { tag, head })
  const context = await on.visitor()
  if (before) await context.addInitScript(before)
  const page = await context.newPage()
  await page.goto(on.recorder.site)
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  return page
}

/** nothing shows that no event was even queued; the pause gives a post that needs no event its chance. */
async function nothing() {
  await pause(700)
  assert.equal(on.made.size, 0)
  assert.equal(on.recorder.bodies.length, 0)
}

const gpc = () => Object.defineProperty(navigator, 'globalPrivacyControl', { get: () => true })
const dnt = () => Object.defineProperty(navigator, 'doNotTrack', { get: () => '1' })

for (const [name, tag, before] of [
  ['data-consent="cookieless"', 'data-consent="cookieless"'],
  ['Global Privacy Control', '', gpc],
  ['Do Not Track', '', dnt],
  ['Do Not Track against data-consent="full"', 'data-consent="full"', dnt],
]) {
  test(`${name}: events without an id, and no trace in the browser`, async () => {
    const { recorder } = on
    const page = await open(tag, { before })
    await page.evaluate(() => leadstream('track', 'x'))
    await recorder.until('two events', () => recorder.events.length >= 2)
    for (const event of recorder.events) {
      assert.equal(event.anonymous_id, undefined)
      assert.equal(event.consent, 'cookieless')
      assert.ok(event.session_id && event.view_id)
    }
    assert.equal(new Set(recorder.events.map(e => e.session_id)).size, 1)
    assert.deepEqual(await traces(page), none)
    await page.reload()
    await recorder.until('the next page', () => recorder.of('page').length === 2)
    assert.equal(new Set(recorder.of('page').map(e => e.session_id)).size, 2, 'nothing links two pages')
    assert.deepEqual(await traces(page), none)
  })
}

test('none: nothing is sent and nothing is kept, until the visitor agrees', async () => {
  const { recorder } = on
  const page = await open('data-consent="none"')
  await page.evaluate(() => { leadstream('track', 'secret'); leadstream('identify', 'ada@example.com') })
  await page.click('a', { modifiers: ['Control'] })
  await nothing()
  assert.deepEqual(await traces(page), none)
  await page.evaluate(() => leadstream('consent', 'full'))
  await recorder.until('the page', () => recorder.of('page')[0])
  assert.ok(!JSON.stringify(recorder.events).includes('secret'))
  assert.equal(recorder.of('page')[0].user_id, undefined)
})

test('wait, then full: what was held comes with an id', async () => {
  const { recorder } = on
  const page = await open('data-consent="wait"')
  await page.evaluate(() => leadstream('track', 'held'))
  await nothing()
  assert.deepEqual(await traces(page), none)
  await page.evaluate(() => leadstream('consent', 'full'))
  await recorder.until('both', () => recorder.events.length === 2)
  assert.deepEqual(recorder.events.map(e => e.consent), ['full', 'full'])
  assert.equal(new Set(recorder.events.map(e => e.anonymous_id)).size, 1)
  assert.ok(recorder.events[0].anonymous_id)
  assert.deepEqual((await traces(page)).cookies, ['_ls_id'])
})

test('wait, then cookieless: what was held comes without', async () => {
  const { recorder } = on
  const page = await open('data-consent="wait"')
  await page.evaluate(() => leadstream('consent', 'cookieless'))
  await recorder.until('the page', () => recorder.of('page')[0])
  assert.equal(recorder.of('page')[0].anonymous_id, undefined)
  assert.deepEqual(await traces(page), none)
})

test('wait, then none: what was held is gone', async () => {
  const page = await open('data-consent="wait"')
  await page.evaluate(() => { leadstream('track', 'held'); leadstream('consent', 'none') })
  await page.evaluate(() => leadstream('track', 'more'))
  await page.goto('about:blank')
  await nothing()
})

test('50 events are held, not more', async () => {
  const { recorder } = on
  const page = await open('data-consent="wait"')
  await page.evaluate(() => { for (let i = 0; i < 99; i++) leadstream('track', `t${i}`); leadstream('consent', 'full') })
  await recorder.until('the held ones', () => recorder.events.length >= 50)
  await on.settled(page)
  assert.equal(recorder.events.length, 50)
  assert.equal(recorder.of('page').length, 1, 'the first are kept: they say how the visitor came')
})

test('a word that nobody knows sends nothing', async () => {
  const page = await open('data-consent="ful"')
  await nothing()
  assert.deepEqual(await traces(page), none)
})

test('who agrees in the banner outranks the signal of the browser', async () => {
  const { recorder } = on
  await open('', { before: gpc, head: `<script>window.leadstream = function () { (leadstream.q = leadstream.q || []).push(arguments) };
    leadstream('consent', 'full')</script>` })
  await recorder.until('the page', () => recorder.of('page')[0])
  assert.equal(recorder.of('page')[0].consent, 'full')
  assert.ok(recorder.of('page')[0].anonymous_id)
})

for (const word of ['cookieless', 'none']) {
  test(`who takes consent back to ${word} leaves no trace`, async () => {
    const { recorder } = on
    const page = await open('')
    await recorder.until('the page', () => recorder.of('page')[0])
    const before = recorder.of('page')[0]
    await page.evaluate(() => leadstream('identify', 'ada@example.com'))
    await recorder.until('identify', () => recorder.of('identify')[0])
    const earlier = new Set(on.made)
    await page.evaluate(word => { leadstream('consent', word); leadstream('track', 'after') }, word)
    if (word === 'cookieless') await recorder.until('the track', () => recorder.of('track')[0])
    else await pause(700)
    assert.deepEqual(await traces(page), none)
    assert.equal([...on.made].filter(id => !earlier.has(id)).length, word === 'none' ? 0 : 1)
    const after = recorder.of('track')
    assert.equal(after.length, word === 'none' ? 0 : 1)
    for (const event of after) {
      assert.equal(event.anonymous_id, undefined)
      assert.equal(event.user_id, undefined)
      assert.notEqual(event.session_id, before.session_id, 'the session would link the visitor to the past')
    }
  })
}
