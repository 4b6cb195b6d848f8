import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from './launch.mjs'

const on = stage()

test('a visit to the demo site tells the story of a lead', async () => {
  const { recorder } = on
  const page = await (await on.visitor({ viewport: { width: 1280, height: 800 } })).newPage()
  const complaints = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()) })
  const loaded = []
  page.on('request', request => loaded.push(new URL(request.url()).host))

  await page.goto(`${recorder.local}/demo/?utm_source=newsletter`)
  await page.waitForSelector('.you:not([hidden])')
  await page.click('nav >> text=Product')
  await page.waitForURL('**/product.html')
  await page.click('nav >> text=Pricing')
  await page.waitForURL('**/pricing.html')
  await page.click('nav >> text=Docs')
  await page.waitForURL('**/docs/index.html')
  await page.evaluate(() => { window.same = true })
  await page.click('aside >> text=Install the box')
  await page.waitForURL('**/docs/install.html')
  await page.click('aside >> text=Alarms')
  await page.waitForURL('**/docs/alerts.html')
  assert.equal(await page.evaluate(() => window.same), true, 'the docs were loaded anew: they should navigate in the page')
  assert.equal(await page.textContent('h1'), 'Alarms')
  await recorder.until('the page of alarms', () => recorder.of('page').some(e => e.url.endsWith('alerts.html')))
  await page.goBack()
  await page.waitForFunction(() => document.querySelector('h1').textContent === 'Install the box')
  await page.goto(`${recorder.local}/demo/blog/firing-curve.html`)
  await page.evaluate(() => scrollTo({ top: 1e9, behavior: 'instant' }))
  await recorder.until('the end of the long page', () => recorder.of('scroll').some(e => e.scroll_pct === 100))
  await page.click('header >> text=Request a demo')
  await page.fill('[name=name]', 'Ada Kiln')
  await page.fill('[name=email]', ' Ada@Boden.example ')
  await page.fill('[name=company]', 'Boden')
  await page.fill('[name=message]', 'something private')
  await page.click('form .button')
  await page.waitForURL('**/thanks.html')
  await recorder.until('the thanks page', () => recorder.of('page').some(e => e.url.endsWith('/thanks.html')))

  const seen = recorder.of('page').sort((a, b) => a.timestamp - b.timestamp).map(e => new URL(e.url).pathname.replace('/demo/', ''))
  assert.deepEqual([...new Set(seen)], ['', 'product.html', 'pricing.html', 'docs/index.html', 'docs/install.html', 'docs/alerts.html',
    'blog/firing-curve.html', 'contact.html', 'thanks.html'])
  assert.equal(recorder.of('page').find(e => e.url.includes('alerts')).title, 'Alarms | Emberline docs')
  const [identify] = recorder.of('identify')
  assert.equal(identify.user_id, 'ada@boden.example')
  assert.equal(identify.traits.company, 'Boden')
  assert.equal(recorder.of('form')[0].name, 'demo-request')
  assert.deepEqual(recorder.of('form')[0].properties.fields, ['name', 'email', 'company', 'role', 'kilns', 'message'])
  assert.ok(!JSON.stringify(recorder.events).includes('private'))
  assert.equal(recorder.of('page').find(e => e.url.endsWith('thanks.html')).user_id, 'ada@boden.example')
  assert.equal(new Set(recorder.events.map(e => e.anonymous_id)).size, 1)
  assert.equal(new Set(recorder.events.map(e => e.session_id)).size, 1)
  assert.deepEqual(complaints, [])
  assert.deepEqual(new Set(loaded), new Set([new URL(recorder.local).host]), 'the demo loads from elsewhere')
})
