// The one door for events: everything that happens becomes an event here, or does not.

import { consent, full } from './consent'
import { uuid } from './guard'
import { put } from './outbox'
import { view } from './view'
import { stamp } from './visitor'

const enum Limit { Held = 50, Name = 200 }

let held: any[] = []

/** emit makes an event of the current view. Who did it is written on it only when consent is known. */
export const emit = (type: string, name?: any, more?: object) => {
  held.push({
    event_id: uuid(),
    type,
    name: name && ('' + name).slice(0, Limit.Name),
    timestamp: Date.now(),
    locale: navigator.language,
    screen: screen.width + 'x' + screen.height,
    ...view,
    ...more,
  })
  release()
}

/** release lets go what was held until the visitor answered: onwards, or away. */
export const release = () => {
  if (full() || consent == 'cookieless') held.splice(0).forEach(event => put(stamp(event)))
  if (consent == 'none') held = []
  held.splice(Limit.Held)
}
