// Time that only the test moves. Playwright's clock stands in for the page's own, so that half a minute takes
// no time; it is stopped, so that a slow machine adds nothing to what is measured.
//
// Posts are real all the same, and the tracker gives one up after 20 s of its own clock. So time stands still
// while an answer is under way: else two minutes run at once are six posts given up and a backoff without end.

import { pause, patience } from './recorder.mjs'

const Step = 1000 // ms: much less than the tracker's patience for an answer
const Gather = 260 // ms: the tracker sends this long after the event, and then something is under way

/** stop makes every page of the context live at one instant; call it before the first page is opened. */
export async function stop(page) {
  await page.clock.install({ time: '2026-03-02T09:00:00Z' })
  await page.clock.pauseAt('2026-03-02T09:00:01Z')
}

/** waiting says whether the page has events that nobody has answered for. It keeps them in its storage, with full consent. */
export const waiting = page => page.evaluate(() => Object.keys(localStorage).some(key => key.startsWith('_ls_q.')))

/** answered waits, by the machine's clock, until the page has nothing left to send. */
export async function answered(page, ms = patience) {
  for (const end = Date.now() + ms; await waiting(page); await pause(20)) {
    if (Date.now() > end) throw new Error(`waited ${ms} ms for the page to have an answer for: ` +
      await page.evaluate(() => JSON.stringify(localStorage)))
  }
}

/** pass lets the page's time go by, and has every event that was made meanwhile answered. It may be up to 260 ms more. */
export async function pass(page, ms) {
  for (let left = ms; left > 0; left -= Step) {
    await page.clock.runFor(Math.min(Step, left))
    if (!await waiting(page)) continue
    await page.clock.runFor(Gather)
    left -= Gather
    await answered(page)
  }
}

/** posts lets the page's time go by until it sends something, at most ms, and says whether it did. */
export async function posts(page, ms) {
  let sent = false
  const note = request => { sent ||= request.method() === 'POST' }
  page.on('request', note)
  for (let left = ms; left > 0 && !sent; left -= Step) await page.clock.runFor(Step)
  page.off('request', note)
  return sent
}
