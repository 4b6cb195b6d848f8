// The app as a salesperson has it open: events go in by the collector's door, and what is on the screen moves without a reload.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { at, until, visitor } from '../../tracker/browser/house.mjs'
import { patience, pause } from '../../tracker/browser/recorder.mjs'

let page, context, complaints

beforeEach(async () => {
  context = await visitor()
  page = await context.newPage()
  complaints = []
  // A line that the content security policy forbids is an error here, and so is a fault of the script.
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()) })
  page.on('pageerror', error => complaints.push(error.message))
})

afterEach(async () => {
  await context.close()
  assert.deepEqual(complaints, [])
})

const open = async where => {
  await page.goto(`http://${at.leads}${where}`)
  if (!where.startsWith('/funnel')) await page.waitForSelector('[data-pulse]:not([hidden]):not(.off)')
}

let sent = 0
async function send(kind, anonymousId, body) {
  const answer = await fetch(`http://${at.ingest}/v1/${kind}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Basic ${btoa('demo:')}` },
    body: JSON.stringify({ anonymousId, messageId: `${anonymousId}-${++sent}`, timestamp: new Date().toISOString(), ...body }),
  })
  assert.equal(answer.status, 200, await answer.text())
}
const view = (who, where) => send('page', who, { properties: { path: where, url: `https://kiln.example${where}` } })
// pageOf is the address of a lead's page, once there is such a lead.
async function pageOf(who) {
  for (;;) {
    const { leads } = await (await fetch(`http://${at.leads}/v1/leads?q=${who}`)).json()
    if (leads.length) return `http://${at.leads}/leads/${leads[0].id}`
    await pause(100)
  }
}
const row = who => page.locator('tbody tr', { hasText: who })
const scoreOf = async where => Number(await where.textContent())

test('an empty list says what to do, and fills by itself', async () => {
  await open('/')
  assert.match(await page.textContent('main'), /No leads yet/)
  await view('newcomer', '/pricing')
  await page.waitForSelector('table.hot tbody tr')
  assert.match(await page.textContent('tbody tr'), /\/pricing/)
})

test('rows rise, move and are joined by others, without a reload', async () => {
  await send('identify', 'ada', { userId: 'ada', traits: { name: 'Ada Lovelace', email: 'ada@kiln.example' } })
  await send('identify', 'bob', { userId: 'bob', traits: { name: '<b>Bob</b>' } })
  await open('/')
  await page.evaluate(() => { window.stillTheSamePage = true })
  await row('Ada').waitFor()
  await row('<b>Bob</b>').waitFor()
  const before = await scoreOf(row('Ada').locator('.num'))
  await view('ada', '/pricing')
  await page.waitForFunction(low => [...document.querySelectorAll('tbody tr')].some(r => r.textContent.includes('Ada') && Number(r.querySelector('.num').textContent) > low), before)
  await page.waitForFunction(() => {
    const scores = [...document.querySelectorAll('tbody .num')].map(n => Number(n.textContent))
    return scores.every((s, i) => !i || s <= scores[i - 1])
  })
  assert.match(await row('Ada').textContent(), /\+\d/, 'with its reasons')
  assert.equal(await page.locator('tbody b', { hasText: /^Bob$/ }).count(), 0, 'a name is text')
  assert.equal(await page.evaluate(() => window.stillTheSamePage), true)
})

test('a lead page follows its lead: dial, reasons and timeline', async () => {
  await view('cyd', '/pricing')
  await page.goto(await pageOf('cyd'))
  await page.waitForSelector('[data-pulse]:not([hidden]):not(.off)')
  const before = await scoreOf(page.locator('.dial .num'))
  const entries = await page.locator('.timeline li').count()
  await send('identify', 'cyd', { userId: 'cyd', traits: { name: 'Cyd' } })
  await page.waitForFunction(low => Number(document.querySelector('.dial .num').textContent) > low, before)
  await page.waitForFunction(n => document.querySelectorAll('.timeline li').length > n, entries)
  await page.waitForFunction(() => document.querySelector('h1').textContent === 'Cyd')
})

// The stream says nothing of what happened before it was open, and the first answers may be of tables that are behind.
test('a lead page finds what happened while it was being opened', async () => {
  await view('dora', '/pricing')
  const where = await pageOf('dora')
  const old = await (await fetch(where)).text()
  let release, stale = 2
  const held = new Promise(done => { release = done })
  await page.route('**/v1/stream**', async route => { await held; await route.continue() })
  await page.route(where, route => {
    if (route.request().resourceType() !== 'fetch' || stale-- <= 0) return route.continue()
    return route.fulfill({ status: 200, contentType: 'text/html', body: old })
  })
  await page.goto(where)
  await view('dora', '/compare')
  await until('the tables to have it', async () => (await (await fetch(where)).text()).includes('/compare'), patience)
  assert.equal(await page.locator('.timeline', { hasText: '/compare' }).count(), 0, 'nothing told the page')
  release()
  await page.locator('.timeline', { hasText: '/compare' }).waitFor()
})

test('who is joined to another lead while looked at, is looked at there, however late the tables are', async () => {
  await view('eve', '/pricing')
  const where = await pageOf('eve')
  let behind = 3
  await page.route(where, route => {
    if (route.request().resourceType() !== 'fetch' || behind-- <= 0) return route.continue()
    return route.fulfill({ status: 404, contentType: 'text/html', body: '' })
  })
  await page.goto(where)
  await page.waitForSelector('[data-pulse]:not([hidden]):not(.off)')
  await send('identify', 'eve', { userId: 'eve@kiln.example', traits: { name: 'Eve Kiln' } })
  await page.waitForURL(address => address.href !== where)
  await page.locator('h1', { hasText: 'Eve Kiln' }).waitFor()
  complaints = complaints.filter(text => !/404/.test(text)) // its own
})

test('scores fade as the clock runs, with no event at all', async () => {
  await view('dee', '/pricing')
  await page.clock.install()
  await open('/')
  await page.waitForSelector('tbody tr')
  const before = await scoreOf(page.locator('tbody .num').first())
  await page.clock.fastForward(30 * 24 * 3600 * 1000)
  await page.waitForFunction(high => Number(document.querySelector('tbody .num').textContent) < high, before)
})

test('the funnel stands in both languages, in the dark and on a phone', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 })
      for (const [lang, title] of [['en', 'Funnel'], ['zh', '漏斗']]) {
        for (const where of ['/funnel', '/']) {
          await open(`${where}?lang=${lang}`)
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
          assert.ok(wide <= 0, `${where} at ${width} is ${wide} px too wide`)
        }
        assert.match(await page.textContent('.top'), new RegExp(title))
      }
    }
  }
})
