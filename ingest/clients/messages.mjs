// What each client writes on the wire, as {id, word, name}: the id that it gave its message, if its protocol has one; the word that
// it has for what happened; the name of a custom event. Written from the protocols, not from the collector's reading of them.

const json = text => JSON.parse(text)
const segment = one => ({ id: one.messageId, word: one.type, name: one.event })
const batchOf = body => body.batch || [body]
const snowplow = f => ({ id: f.eid, word: f.e, name: f.se_ac })
const own = event => (event.startsWith('$') ? { word: event } : { word: 'custom', name: event })

function form(body) {
  const data = new URLSearchParams(body).get('data')
  if (data == null) return json(body)
  return json(/^[[{]/.test(data) ? data : Buffer.from(data, 'base64').toString('utf8'))
}

const list = value => (Array.isArray(value) ? value : value.batch || [value])

export const messages = {
  segment: ({ url, body }) => (/\/(m|settings)$/.test(url.pathname) ? [] : batchOf(json(body)).map(segment)),
  rudder: ({ body }) => batchOf(json(body)).map(segment),
  jitsu: ({ body }) => batchOf(json(body)).map(segment),
  snowplow: ({ url, body }) => (body ? json(body).data : [Object.fromEntries(url.searchParams)]).map(snowplow),
  posthog: ({ url, body }) => (/^\/(e|i\/v0\/e|batch|capture)\/?$/.test(url.pathname) ? list(form(body)) : [])
    .map(one => ({ id: one.uuid, ...own(one.event) })),
  mixpanel: ({ url, body }) => (url.pathname.startsWith('/track') ? list(form(body)).map(one => ({ id: one.properties.$insert_id, ...own(one.event) }))
    : url.pathname.startsWith('/engage') ? list(form(body)).map(() => ({ word: 'people' })) : []),
  plausible: ({ body }) => [json(body)].map(({ n }) => (['pageview', 'engagement'].includes(n) ? { word: n } : { word: 'custom', name: n })),
  ga4: ({ url }) => [url.searchParams.get('en')].map(en => (/^(page_view|user_engagement|scroll)$/.test(en) ? { word: en } : { word: 'custom', name: en })),
  matomo: ({ body }) => [new URLSearchParams(body)].map(f => (f.has('e_a') ? { word: 'custom', name: f.get('e_a') } : { word: f.has('link') ? 'link' : 'view' })),
}
