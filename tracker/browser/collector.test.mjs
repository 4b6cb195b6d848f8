// The whole path, with a real browser at its beginning: LEADSTREAM_BIN is started with everything in it, a
// visit is clicked on its demo site, and the events that the browser made are looked for in ClickHouse, and
// the visitor in the leads API.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at, until, visitor } from './house.mjs'
import { patience } from './recorder.mjs'

async function stored(anonymous) {
  const sql = `SELECT DISTINCT toString(event_id), toString(type) FROM leadstream.events WHERE anonymous_id = '${anonymous}' FORMAT TSV`
  const reply = await fetch(`http://${at['clickhouse-http']}/`, { method: 'POST', body: sql })
  const text = await reply.text()
  if (!reply.ok) throw new Error(text)
  return new Map(text.split('\n').filter(Boolean).map(line => line.split('\t')))
}

test('what a browser does on the demo site is in ClickHouse, and is a lead', async () => {
  const context = await visitor()
  const made = new Set()
  const complaints = []
  await context.exposeBinding('leadstreamMade', (_, id) => { made.add(id) })
  await context.addInitScript(() => {
    const log = console.log
    console.log = (word, event) => word === 'leadstream' && event.event_id ? window.leadstreamMade(event.event_id) : log(word, event)
    // The demo does not debug; its tag is told to, before the script runs.
    new MutationObserver(() => document.querySelector('script[data-key]')?.setAttribute('data-debug', ''))
      .observe(document, { childList: true, subtree: true })
  })
  const page = await context.newPage()
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()) })

  await page.goto(`http://${at.ingest}/demo/?utm_source=newsletter`)
  for (const name of ['Product', 'Pricing', 'Docs']) {
    await page.click(`nav >> text=${name}`)
    await page.waitForURL(`**/${name.toLowerCase()}**`)
  }
  await page.click('aside >> text=Install the box')
  await page.waitForURL('**/docs/install.html')
  await page.click('header >> text=Request a demo')
  await page.fill('[name=name]', 'Ada Kiln')
  await page.fill('[name=email]', 'ada@boden.example')
  await page.fill('[name=company]', 'Boden')
  await page.click('form .button')
  await page.waitForURL('**/thanks.html')
  const { value: anonymous } = (await context.cookies()).find(cookie => cookie.name === '_ls_id')
  await page.waitForFunction(() => window.leadstream && window.leadstream.v)
  await page.evaluate(() => leadstream('track', 'the end'))

  await until('every event in ClickHouse', async () => {
    const ids = await stored(anonymous)
    return made.size > 10 && [...made].every(id => ids.has(id))
  }, patience)
  // The last beat of a page may be made so late that the test does not hear of it; nothing else may be strange.
  for (const [id, type] of await stored(anonymous)) assert.ok(made.has(id) || type === 'dwell', `nobody made ${type} ${id}`)
  const leads = await until('the lead', async () => {
    const reply = await fetch(`http://${at.leads}/v1/leads?q=${anonymous}`)
    const answer = await reply.json()
    if (!answer.leads?.some(lead => lead.user_id === 'ada@boden.example')) throw new Error(JSON.stringify(answer))
    return answer.leads
  }, patience)
  assert.equal(leads.length, 1, 'one person is one lead')
  assert.ok(leads[0].score > 0, JSON.stringify(leads[0]))
  assert.deepEqual(complaints, [])
  await context.close()
})
