// What a newcomer is promised: click through the demo site, and your own lead heats up in the app while you
// watch, within a second, with the rules that did it. The app's page is opened once and never loaded again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at, until, visitor } from '../../tracker/browser/house.mjs'
import { patience } from '../../tracker/browser/recorder.mjs'

const row = '[data-hot] tr[data-lead]'

test('a visit heats up the hot list and the lead page while they are open', async () => {
  const salesperson = await visitor()
  const list = await salesperson.newPage()
  const complaints = []
  for (const page of [list]) page.on('pageerror', error => complaints.push(error.message))
  const shopper = await visitor()
  const shop = await shopper.newPage()

  await shop.goto(`http://${at.ingest}/demo/`)
  await until('the first lead', async () => (await (await fetch(`http://${at.leads}/v1/leads`)).json()).leads.length === 1, patience)
  await list.goto(`http://${at.leads}/`)
  const score = async () => Number(await list.locator(`${row} .c-score .num`).first().textContent())
  const cold = await score()
  let loads = 0
  list.on('load', () => { loads++ })

  await shop.click('nav >> text=Pricing')
  await shop.waitForURL('**/pricing**')
  const clicked = Date.now()
  await list.waitForFunction(([selector, before]) => Number(document.querySelector(`${selector} .c-score .num`).textContent) > before + 10,
    [row, cold], { polling: 20 })
  const waited = Date.now() - clicked
  console.log(`the hot list showed the pricing page ${waited} ms after it was opened`)
  assert.match(await list.locator(`${row} .c-why`).first().textContent(), /Pricing/)

  const lead = await salesperson.newPage()
  await lead.goto(await list.locator(`${row} .c-who a`).first().evaluate(link => link.href))
  await shop.click('header >> text=Request a demo')
  await shop.fill('[name=name]', 'Ada Kiln')
  await shop.fill('[name=email]', 'ada@boden.example')
  await shop.fill('[name=company]', 'Boden')
  await shop.click('form .button')
  await shop.waitForURL('**/thanks.html')
  await lead.waitForFunction(() => /Ada Kiln/.test(document.body.textContent) && /Form sent/.test(document.body.textContent))
  await list.waitForFunction(selector => /Ada Kiln/.test(document.querySelector(selector).textContent), row)
  assert.match(await list.locator(`${row} .c-stage`).first().textContent(), /Interest|Intent/)
  assert.equal(loads, 0, 'the list was never loaded again')
  assert.deepEqual(complaints, [])

  await lead.goto(lead.url() + '&lang=zh')
  assert.match(await lead.locator('body').textContent(), /意向|兴趣/)
})
