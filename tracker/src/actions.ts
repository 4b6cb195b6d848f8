// What a visitor does on a page: clicks and forms. Names of fields, never what was typed into them.

import { emit } from './event'
import { on, page, site } from './guard'
import { flush } from './outbox'
import { beat } from './view'

const DOWNLOAD = /\.(pdf|docx?|xlsx?|pptx?|csv|zip|t?gz|dmg|exe|msi|deb|rpm|mp[34]|epub)$/i

const FIELDS = 'input[name]:not([type=password]),select[name],textarea[name]'

const kindOf = (link: any) =>
  /^(mailto|tel):/.test(link.protocol) ? link.protocol.slice(0, -1)
    : link.hasAttribute('download') || DOWNLOAD.test(link.pathname) ? 'download'
      : link.host != site.host ? 'outbound'
        : 'link'

/** tell sends an action at once: the page may be gone in a moment. */
const tell = (type: string, name: any, properties: object) => {
  beat(1)
  emit(type, name, { properties })
  flush()
}

export const listen = () => {
  on(page, 'click auxclick', event => {
    const target = event.target.closest('a[href],button,[type=submit],[type=button],[data-ls-click]')
    const link = event.target.closest('a[href]')
    if (!target || event.button > 1) return // the context menu is not a click
    tell('click', target.getAttribute('data-ls-click'), {
      kind: link ? kindOf(link) : 'button',
      href: link && '' + link.href,
      // An input's text is its value, and it has no textContent; nobody types into those that have.
      text: target.textContent.trim().replace(/\s+/g, ' ').slice(0, 80),
      id: target.id,
    })
  })
  on(page, 'submit', event => {
    const form = event.target
    // A field called "name", "id" or "action" hides the form's own property, so attributes are asked.
    const [name, id, action] = ['name', 'id', 'action'].map(word => form.getAttribute(word))
    const fields = [...form.querySelectorAll(FIELDS)].map(field => field.name)
    tell('form', name || id || action, { fields: [...new Set(fields)].slice(0, 50), id, action })
  })
}
