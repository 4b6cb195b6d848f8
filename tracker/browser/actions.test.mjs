import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from './launch.mjs'
import { pause } from './recorder.mjs'

const on = stage()

async function open(body, options) {
  on.recorder.page('/', body, options)
  const page = await (await on.visitor()).newPage()
  await page.goto(on.recorder.site)
  await on.recorder.until('the page', () => on.recorder.of('page')[0])
  return page
}

test('clicks are told by kind', async () => {
  const { recorder } = on
  const page = await open(`<script>addEventListener('click', e => e.preventDefault())</script>
    <a id="in" href="/pricing?a=1">See   our
      <b>pricing</b></a>
    <a id="out" href="https://other.example/x">other</a>
    <a id="pdf" href="/files/kiln.PDF?v=2">data sheet</a>
    <a id="dl" href="/export" download>export</a>
    <a id="mail" href="mailto:sales@kiln.example">write</a>
    <a id="tel" href="tel:+495550199">call</a>
    <button id="btn" type="button">Start <i>now</i></button>
    <input id="typed" type="submit" value="typed by nobody">
    <div id="named" data-ls-click="open chat"><span id="inner">chat</span></div>
    <p id="plain">no link</p>`)
  for (const id of ['in', 'out', 'pdf', 'dl', 'mail', 'tel', 'btn', 'typed', 'inner', 'plain']) await page.click(`#${id}`)
  await recorder.until('nine clicks', () => recorder.of('click').length >= 9)
  await on.settled(page)
  const told = recorder.of('click').map(e => [e.properties.id, e.properties.kind, e.properties.text])
  assert.deepEqual(told, [
    ['in', 'link', 'See our pricing'], ['out', 'outbound', 'other'], ['pdf', 'download', 'data sheet'],
    ['dl', 'download', 'export'], ['mail', 'mailto', 'write'], ['tel', 'tel', 'call'],
    ['btn', 'button', 'Start now'], ['typed', 'button', ''], ['named', 'button', 'chat'],
  ])
  assert.equal(recorder.of('click')[0].properties.href, `${recorder.site}/pricing?a=1`)
  assert.equal(recorder.of('click')[8].name, 'open chat')
  assert.deepEqual(on.failures, [])
})

test('a long text is cut, a click in an svg does no harm, a stopped click is still seen', async () => {
  const { recorder } = on
  const page = await open(`<button id="long">${'kiln '.repeat(100)}</button>
    <svg width="50" height="50"><a href="/svg"><rect id="rect" width="50" height="50"/></a></svg>
    <script>document.body.addEventListener('click', e => { e.stopImmediatePropagation(); e.preventDefault() }, true)</script>`)
  await page.click('#long')
  await page.click('#rect')
  await recorder.until('two clicks', () => recorder.of('click').length >= 2)
  assert.equal(recorder.of('click')[0].properties.text.length, 80)
  assert.deepEqual(on.failures, [])
})

test('the middle button opens a tab and counts, the right one opens a menu and does not', async () => {
  const { recorder } = on
  const page = await open('<a id="a" href="/next">next</a>')
  recorder.page('/next', '')
  await page.click('#a', { button: 'right' })
  await page.click('#a', { button: 'middle' })
  await recorder.until('a click', () => recorder.of('click')[0])
  await on.settled(page)
  assert.equal(recorder.of('click').length, 1)
})

test('scroll depth is told by quarters, each once a view, also on a page that grows', async () => {
  const { recorder } = on
  const page = await open('<div id="tall" style="height:4000px">tall</div>')
  assert.equal(recorder.of('page')[0].scroll_pct || 0, 0)
  const height = await page.evaluate(() => innerHeight)
  const to = async share => {
    await page.evaluate(y => scrollTo(0, y), share * 4000 - height)
    await pause(1300)
  }
  await to(0.3)
  await to(0.6)
  await to(0.3)
  const quarters = () => recorder.of('scroll').map(e => e.scroll_pct)
  await recorder.until('half', () => quarters().length >= 2)
  assert.deepEqual(quarters(), [25, 50])
  await page.evaluate(() => { document.querySelector('#tall').style.height = '40000px' })
  await to(1) // a tenth of what the page is now
  await on.settled(page)
  assert.deepEqual(quarters(), [25, 50])
  await page.evaluate(() => scrollTo(0, 1e9))
  await recorder.until('the end', () => quarters().includes(100))
  assert.deepEqual(quarters(), [25, 50, 75, 100])
})

test('a short page that nobody scrolled has no depth', async () => {
  const { recorder } = on
  const page = await open('short')
  await pause(1500)
  await page.evaluate(() => leadstream('track', 'x'))
  await recorder.until('the track', () => recorder.of('track')[0])
  assert.equal(recorder.of('scroll').length, 0)
  assert.equal(recorder.of('track')[0].scroll_pct || 0, 0)
})
