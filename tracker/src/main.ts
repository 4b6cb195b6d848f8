// leadstream's tracker: the tag, the command queue, the start.
//
//   <script async src="https://collect.example.com/tracker.js" data-key="KEY"></script>
//
// A page that wants to call before the script is there puts the stub first:
//
//   window.leadstream = window.leadstream || function () { (leadstream.q = leadstream.q || []).push(arguments) }

import { listen } from './actions'
import { consent, decide, full } from './consent'
import { emit, release } from './event'
import { on, page, safe } from './guard'
import { adopt } from './outbox'
import { begin, view, watch } from './view'
import { strange } from './visitor'

const commands: Record<string, (a?: any, b?: any) => void> = {
  track: (name, properties) => emit('track', name, { properties }),
  page: begin,
  identify: (user, traits) => emit('identify', '', { user_id: ('' + user).slice(0, 200), traits }),
  consent: word => {
    const was = consent
    decide(word)
    if (!full()) strange()
    release()
    if (was == 'none' && view) begin() // what was looked at without consent starts anew
    adopt()
  },
  reset: strange,
}

const start = safe(() => {
  const global = window as any
  const stub = global.leadstream || {}
  const early = stub.q || []
  if (stub.v) return // a second tag on the page must not count everything twice
  global.leadstream = safe((command: string, ...rest) => commands[command](...rest))
  global.leadstream.v = 1
  // A choice made before we came also holds for the first page view.
  early.forEach((words: any) => words[0] == 'consent' && decide(words[1]))
  begin()
  early.forEach((words: any) => global.leadstream(...words))
  watch()
  listen()
  on(window, 'online', adopt)
  setInterval(adopt, 5000)
  adopt()
})

// A page that is only prerendered has not been seen yet.
if ((page as any).prerendering) on(page, 'prerenderingchange', start)
else start()
