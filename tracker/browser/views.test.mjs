import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answered } from './clock.mjs'
import { stage } from './launch.mjs'

const on = stage()
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('a page view says where, who and how', async () => {
  const { recorder } = on
  recorder.page('/', 'hello')
  const page = await (await on.visitor({ locale: 'zh-CN', screen: { width: 1920, height: 1080 } })).newPage()
  await page.goto(`${recorder.site}/?utm_source=news&q=%E4%B8%AD#top`, { referer: `${recorder.collector}/before` })
  await recorder.until('the page', () => recorder.of('page')[0])
  const [event] = recorder.of('page')
  for (const id of ['event_id', 'anonymous_id', 'session_id', 'view_id']) assert.match(event[id], UUID, id)
  assert.equal(event.url, `${recorder.site}/?utm_source=news&q=%E4%B8%AD#top`)
  assert.equal(event.title, '/')
  assert.equal(event.locale, 'zh-CN')
  assert.equal(event.screen, '1920x1080')
  assert.equal(event.consent, 'full')
  assert.ok(Math.abs(event.timestamp - Date.now()) < 60_000)
  const [post] = recorder.bodies
  assert.ok(post.body.sent_at >= event.timestamp)
  assert.equal(new URL(post.url).searchParams.get('key'), 'demo')
  assert.match(post.headers['content-type'], /^text\/plain/)
  assert.equal(post.headers.cookie, undefined)
  assert.ok(!recorder.bodies.some(b => b.status === 'PREFLIGHT'), 'a preflight doubles the latency of every beacon')
  assert.deepEqual(on.failures, [])
})

test('client-side navigation is a view; a rewritten query and a hash are not', async () => {
  const { recorder } = on
  recorder.page('/app', '')
  const page = await (await on.visitor()).newPage()
  await page.goto(`${recorder.site}/app`)
  await recorder.until('the first page', () => recorder.of('page')[0])
  await answered(page)
  await page.evaluate(() => {
    history.pushState({}, '', '/app/one')
    document.title = 'One' // routers set it afterwards
  })
  await recorder.until('the second', () => recorder.of('page')[1])
  await page.evaluate(async () => {
    history.replaceState({}, '', '/app/one?filter=a')
    history.replaceState({}, '', '/app/one?filter=ab')
    location.hash = 'part'
    await new Promise(done => setTimeout(done, 100))
    history.pushState({}, '', '/app/one?page=2')
    history.replaceState({}, '', '/app/two')
  })
  await recorder.until('four views', () => recorder.of('page').length >= 4)
  await page.goBack({ waitUntil: 'commit' })
  await recorder.until('five views', () => recorder.of('page').length >= 5)
  await on.settled(page)
  const seen = recorder.of('page').map(event => event.url.slice(recorder.site.length))
  assert.deepEqual(seen, ['/app', '/app/one', '/app/one?page=2', '/app/two', '/app/one?filter=ab#part'])
  assert.equal(recorder.of('page')[1].title, 'One')
  assert.equal(recorder.of('page')[1].referrer, `${recorder.site}/app`)
  assert.equal(new Set(recorder.of('page').map(event => event.view_id)).size, 5)
  assert.equal(new Set(recorder.of('page').map(event => event.session_id)).size, 1)
})

test('pushState keeps its meaning for the page', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  const kept = await page.evaluate(() => {
    history.pushState({ a: 1 }, '', '/x')
    let refused
    try { history.pushState({ f() {} }, '', '/y') } catch (error) { refused = error.name }
    return [history.state.a, location.pathname, refused]
  })
  assert.deepEqual(kept, [1, '/x', 'DataCloneError'])
})

test('data-spa="off" leaves history alone; page() counts by hand', async () => {
  const { recorder } = on
  recorder.page('/', '', { tag: 'data-spa="off"' })
  const page = await (await on.visitor()).newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  assert.match(await page.evaluate(() => String(history.pushState)), /native code/)
  await page.evaluate(() => { history.pushState({}, '', '/second'); leadstream('page', 'Second', { plan: 'team' }) })
  await recorder.until('the second page', () => recorder.of('page')[1])
  assert.equal(recorder.of('page').length, 2)
  assert.equal(recorder.of('page')[1].name, 'Second')
  assert.deepEqual(recorder.of('page')[1].properties, { plan: 'team' })
})

test('a page that comes back from the back-forward cache is a view of its own', async () => {
  const { recorder } = on
  recorder.page('/first', '<a href="/second">on</a><script>addEventListener("pageshow", e => { if (e.persisted) window.restored = true })</script>')
  recorder.page('/second', 'second')
  const page = await (await on.visitor()).newPage()
  await page.goto(`${recorder.site}/first`)
  await recorder.until('first', () => recorder.of('page').length === 1)
  await answered(page) // Chromium restores no page that waits for an answer
  await page.click('a')
  await recorder.until('second', () => recorder.of('page').length === 2)
  await page.goBack({ waitUntil: 'commit' })
  await recorder.until('first again', () => recorder.of('page').length === 3)
  assert.equal(await page.evaluate(() => window.restored), true, 'Chromium did not restore the page: nothing was tested')
  const [first, , again] = recorder.of('page')
  assert.equal(again.url, first.url)
  assert.notEqual(again.view_id, first.view_id)
  await page.evaluate(() => leadstream('track', 'still alive'))
  await recorder.until('a track after the return', () => recorder.of('track')[0])
  await on.arrived()
})

test('two tags on one page count once', async () => {
  const { recorder } = on
  recorder.page('/', `<script src="${recorder.collector}/tracker.js" data-key="demo" data-debug></script>`)
  const page = await (await on.visitor()).newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  await on.settled(page)
  assert.equal(recorder.of('page').length, 1)
})

test('calls made before the script came are kept, in order', async () => {
  const { recorder } = on
  recorder.page('/', '', {
    head: `<script>window.leadstream = window.leadstream || function () { (leadstream.q = leadstream.q || []).push(arguments) }
      leadstream('track', 'early', { n: 1 }); leadstream('identify', 'ada@example.com', { company: 'Engines' }); leadstream('track', 'late')</script>`,
  })
  const page = await (await on.visitor()).newPage()
  await page.goto(recorder.site)
  await recorder.until('four events', () => recorder.events.length >= 4)
  assert.deepEqual(recorder.events.map(e => e.name || e.type), ['page', 'early', 'identify', 'late'])
  assert.deepEqual(recorder.of('identify')[0].traits, { company: 'Engines' })
  assert.deepEqual(recorder.events.map(e => e.user_id), [undefined, undefined, 'ada@example.com', 'ada@example.com'])
})

test('identify lasts, reset makes a stranger', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  await page.evaluate(() => leadstream('identify', 'ada@example.com'))
  await recorder.until('identify', () => recorder.of('identify')[0])
  await page.reload()
  await recorder.until('the page again', () => recorder.of('page')[1])
  assert.equal(recorder.of('page')[1].user_id, 'ada@example.com')
  await page.evaluate(() => { leadstream('reset'); leadstream('track', 'after') })
  await recorder.until('the track', () => recorder.of('track')[0])
  const before = recorder.of('page')[0]
  const after = recorder.of('track')[0]
  assert.equal(after.user_id, undefined)
  assert.notEqual(after.anonymous_id, before.anonymous_id)
  assert.notEqual(after.session_id, before.session_id)
})
