// Who this is: the browser (id), the person if the site told us (user), the visit (session).
// With full consent they are shared by all tabs through storage and read afresh for every event;
// without it they live in this page's memory only, and no id of the browser is made at all.

import { consent, full } from './consent'
import { json, safe, uuid } from './guard'
import { cookie, forget, recall, remember } from './memory'

const enum Limit { Silence = 1800000 } // 30 minutes end a visit, as in every analytics tool the reader knows

const KEY = '_ls_visitor'

let me: any = {}

/** stamp writes on an event who did it, as far as consent goes, and keeps the session awake. */
export const stamp = (event: any) => {
  const now = Date.now()
  if (full()) me = safe(JSON.parse)(recall(KEY) || null) || me
  const fresh = !(now - me.seen < Limit.Silence)
  // The campaign needs no copy here: it stands in the url of the session's first page.
  if (fresh) me.session = uuid()
  me.seen = now
  me.user = event.user_id || me.user
  if (full()) {
    // The cookie is asked first: it is what subdomains can share.
    const kept = cookie()
    me.id = kept || me.id || uuid()
    if (fresh || !kept) cookie(me.id)
    remember(KEY, json(me))
    event.anonymous_id = me.id
  }
  event.user_id = me.user
  event.session_id = me.session
  event.consent = consent
  return event
}

/** strange makes the next event come from a new, unknown visitor. */
export const strange = () => {
  me = {}
  forget()
}
