// How much the visitor allows.
//
//   full        an id that lasts, kept in localStorage and a first-party cookie
//   cookieless  nothing is kept in the browser, no anonymous id is sent
//   none        nothing is sent
//   wait        up to 50 events are held in memory until one of the above is said; a misspelt word waits too
//
// The tag's data-consent is the site's wish, not the visitor's: Do Not Track and Global Privacy Control
// lower "full" to "cookieless". Only leadstream('consent', 'full'), which a site calls when this visitor
// agreed, outranks them. The choice itself is not stored: the site's consent banner already does that.

import { settings } from './settings'

export let consent = settings.consent || 'full'

if (consent == 'full' && (navigator.doNotTrack == '1' || (navigator as any).globalPrivacyControl)) {
  consent = 'cookieless'
}

export const full = () => consent == 'full'

export const decide = (word: string) => { consent = word }
