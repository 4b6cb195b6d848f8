// What the site's owner wrote on the script tag.

// currentScript is null for module scripts and under some tag managers; then the tag is found by its key.
const tag = (document.currentScript || document.querySelector('script[data-key]')) as HTMLScriptElement

export const settings = tag.dataset

/** Where events go: data-endpoint, or the folder that this script came from, so that a proxy's prefix survives. */
export const endpoint =
  (settings.endpoint || tag.src).replace(/\/([^/?]*\.js.*)?$/, '') +
  '/v1/events?key=' + encodeURIComponent(settings.key!)
