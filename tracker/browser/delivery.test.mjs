import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answered, pass, posts, stop } from './clock.mjs'
import { stage } from './launch.mjs'

const on = stage()

const track = (page, ...names) => page.evaluate(all => all.forEach(name => leadstream('track', name)), names)
const names = recorder => new Set(recorder.of('track').map(event => event.name))

test('what happens together travels together', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  await track(page, ...Array.from({ length: 20 }, (_, i) => `t${i}`))
  await recorder.until('20 tracks', () => names(recorder).size === 20)
  assert.equal(recorder.bodies.length, 2)
  await on.arrived()
  assert.equal(recorder.events.length, recorder.ids().size, 'in peace nothing is sent twice')
})

test('a click that leaves at once loses nothing, page after page', async () => {
  const { recorder } = on
  for (let i = 0; i < 8; i++) {
    recorder.page(`/${i}`, `<a href="/${i + 1}" onclick="leadstream('track', 'go ${i}')">next</a>`)
  }
  recorder.page('/8', 'end')
  const page = await (await on.visitor()).newPage()
  await page.goto(`${recorder.site}/0`)
  for (let i = 0; i < 8; i++) {
    await page.waitForFunction(() => window.leadstream)
    await page.click('a', { noWaitAfter: true })
    await page.waitForURL(`**/${i + 1}`)
  }
  await on.arrived()
  assert.deepEqual(names(recorder), new Set(Array.from({ length: 8 }, (_, i) => `go ${i}`)))
  assert.equal(new Set(recorder.of('page').map(e => e.event_id)).size, 9)
  assert.equal(new Set(recorder.of('click').map(e => e.event_id)).size, 8)
  assert.equal(new Set(recorder.events.map(e => e.anonymous_id)).size, 1)
})

test('an answer that comes too late for its page does not lose what was sent', async () => {
  const { recorder } = on
  recorder.page('/a', '')
  recorder.page('/b', '')
  const page = await (await on.visitor()).newPage()
  await page.goto(`${recorder.site}/a`)
  await recorder.until('the page', () => recorder.of('page')[0])
  let answer
  recorder.answers = [{ status: 503, when: new Promise(done => { answer = done }) }]
  await track(page, 'unlucky')
  await recorder.until('the post', () => recorder.bodies.length === 2)
  await page.goto(`${recorder.site}/b`)
  answer() // the 503 reaches nobody
  await recorder.until('the repeat by the next page', () => names(recorder).has('unlucky'))
  await on.arrived()
})

test('503, then 200: everything arrives once, no sooner than Retry-After', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  recorder.answers = [{ status: 503, retryAfter: '2' }, { status: 429, retryAfter: '1' }]
  await page.goto(recorder.site)
  await recorder.until('the refusal', () => recorder.bodies[0])
  await track(page, 'meanwhile')
  await recorder.until('both', () => recorder.of('page')[0] && names(recorder).has('meanwhile'))
  const at = recorder.bodies.map(body => body.at)
  assert.ok(at[1] - at[0] >= 2000, `asked to wait 2000 ms, waited ${at[1] - at[0]}`)
  assert.ok(at[2] - at[1] >= 1000, `asked to wait 1000 ms, waited ${at[2] - at[1]}`)
  await on.arrived()
  assert.equal(recorder.events.length, 2)
})

test('without Retry-After the waits grow', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  recorder.answers = [{ status: 500 }, { status: 599 }, { status: 502 }]
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  const at = recorder.bodies.map(body => body.at)
  const waits = at.slice(1).map((time, i) => time - at[i])
  assert.equal(waits.length, 3)
  waits.forEach((wait, i) => assert.ok(wait >= 1000 * 2 ** i - 50, `wait ${i + 1} was ${wait} ms`))
})

test('a refusal for good is not repeated', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  recorder.answers = [{ status: 400 }]
  await page.goto(recorder.site)
  await recorder.until('the refusal', () => recorder.bodies[0])
  await track(page, 'next')
  await recorder.until('the next', () => names(recorder).has('next'))
  await answered(page)
  assert.equal(recorder.bodies.length, 2)
  assert.equal(recorder.of('page').length, 0)
})

test('offline, then online: nothing is lost, not even by a reload in between', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const context = await on.visitor()
  const page = await context.newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  await answered(page)
  await context.setOffline(true)
  const failed = page.waitForEvent('requestfailed')
  await track(page, 'in the tunnel')
  await failed
  await page.goto('about:blank')
  await context.setOffline(false)
  const next = await context.newPage()
  await next.goto(recorder.site)
  await recorder.until('the tunnel', () => names(recorder).has('in the tunnel'))
  await on.arrived()
  await answered(next)
})

test('back online, the page does not wait for its backoff, but for a collector that asked it to', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const context = await on.visitor()
  const page = await context.newPage()
  await stop(page) // no backoff ever ends
  await page.goto(recorder.site)
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  await pass(page, 500)
  await context.setOffline(true)
  const failed = page.waitForEvent('requestfailed')
  await track(page, 'in the tunnel')
  assert.ok(await posts(page, 1000))
  await failed
  await context.setOffline(false)
  await recorder.until('the tunnel', () => names(recorder).has('in the tunnel'))
  await answered(page)

  recorder.answers = [{ status: 503, retryAfter: '60' }]
  await track(page, 'refused')
  const refused = page.waitForResponse(response => response.status() === 503)
  assert.ok(await posts(page, 1000))
  await refused
  await context.setOffline(true)
  await context.setOffline(false)
  assert.ok(!await posts(page, 50_000))
  assert.ok(await posts(page, 60_000))
  await recorder.until('the refused one', () => names(recorder).has('refused'))
})

test('a form that navigates is told, its values are not', async () => {
  const { recorder } = on
  recorder.page('/form', `<form action="/thanks" name="demo"><input name="email"><input name="secret" type="password">
    <input type="hidden" name="token" value="tok-4711"><textarea name="message"></textarea><select name="role"><option>Chief of Kilns</option></select>
    <input name="id"><input name="action"><input name="name"><button>Send</button></form>`)
  recorder.page('/thanks', 'thanks')
  const page = await (await on.visitor()).newPage()
  await page.goto(`${recorder.site}/form`)
  await page.waitForFunction(() => window.leadstream)
  await page.fill('[name=email]', 'eve@private.test')
  await page.fill('[name=secret]', 'hunter2hunter2')
  await page.fill('[name=message]', 'please call +49 555 0199')
  await page.click('button')
  await page.waitForURL('**/thanks*')
  await recorder.until('the form', () => recorder.of('form')[0])
  await on.arrived()
  const [form] = recorder.of('form')
  assert.equal(form.name, 'demo')
  assert.deepEqual(form.properties.fields, ['email', 'token', 'message', 'role', 'id', 'action', 'name'])
  assert.equal(form.properties.action, '/thanks')
  // The thanks page has the values in its own address, as the site wanted it: only that page may show them.
  const told = JSON.stringify(recorder.events.filter(event => !event.url.includes('/thanks')))
  for (const value of ['eve@private', 'hunter2', 'tok-4711', '0199', 'Chief of Kilns']) assert.ok(!told.includes(value), value)
  assert.ok(!told.includes('secret'), 'the name of a password field')
})

test('many events keep every body under the 64 KiB that a beacon may have', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  await page.goto(recorder.site)
  await recorder.until('the page', () => recorder.of('page')[0])
  await page.evaluate(() => { for (let i = 0; i < 60; i++) leadstream('track', `t${i}`, { text: '字'.repeat(500) }) })
  await recorder.until('60 tracks', () => names(recorder).size === 60)
  await on.arrived()
  for (const { body } of recorder.bodies) assert.ok(Buffer.byteLength(JSON.stringify(body)) < 65_536)
  assert.ok(recorder.bodies.length > 2)
})

test('the queue is bounded while nobody answers', async () => {
  const { recorder } = on
  recorder.page('/', '')
  const page = await (await on.visitor()).newPage()
  recorder.answers = Array.from({ length: 50 }, () => ({ status: 503, retryAfter: '60' }))
  await page.goto(recorder.site)
  await recorder.until('a refusal', () => recorder.bodies[0])
  await page.evaluate(() => { for (let i = 0; i < 1000; i++) leadstream('track', `t${i}`, { text: 'x'.repeat(500) }) })
  const kept = await page.evaluate(() => Object.keys(localStorage).filter(k => k.startsWith('_ls_q')).map(k => localStorage[k]))
  assert.equal(kept.length, 1)
  assert.ok(kept[0].length < 66_000, `${kept[0].length} characters of the page's storage`)
  assert.ok(kept[0].includes('"t999"') && !kept[0].includes('"t0"'), 'the oldest go first')
  assert.equal(recorder.bodies.length, 1, 'Retry-After was 60 s')
})
