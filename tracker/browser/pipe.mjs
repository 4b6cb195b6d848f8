// A Chromium without a driver's conveniences. Playwright keeps every page visible and focused, whatever
// the window does; a tab that is really hidden has to be had from the browser itself.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export async function tabs(executable, flags) {
  const profile = mkdtempSync(path.join(tmpdir(), 'leadstream-browser-'))
  const browser = spawn(executable, ['--headless', ...flags, '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const [, , , to, from] = browser.stdio
  const waiting = new Map()
  let number = 0
  let rest = ''
  from.setEncoding('utf8').on('data', chunk => {
    const messages = (rest + chunk).split('\0')
    rest = messages.pop()
    for (const message of messages.map(text => JSON.parse(text))) {
      waiting.get(message.id)?.(message)
      waiting.delete(message.id)
    }
  })
  const send = (method, params = {}, sessionId) => new Promise((done, fail) => {
    waiting.set(++number, ({ result, error }) => error ? fail(new Error(`${method}: ${error.message}`)) : done(result))
    to.write(JSON.stringify({ id: number, method, params, sessionId }) + '\0')
  })
  return {
    /** open makes a tab in front of the others. */
    async open(url) {
      const { targetId } = await send('Target.createTarget', { url })
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
      return {
        go: url => send('Page.navigate', { url }, sessionId),
        front: () => send('Page.bringToFront', {}, sessionId),
        input: (type, params) => send(`Input.dispatch${type}Event`, params, sessionId),
        run: async expression => (await send('Runtime.evaluate', { expression, awaitPromise: true }, sessionId)).result.value,
      }
    },
    async close() {
      const gone = new Promise(done => browser.once('exit', done))
      await send('Browser.close')
      await gone
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}
