// What the browser remembers for us. Storage may be full, switched off or made to throw: then it is
// as if nothing had been remembered. Every key starts with _ls_, so that forget finds them all.

import { page, safe } from './guard'
import { settings } from './settings'

export const recall = safe((key: string) => localStorage[key])

/** remember keeps a value, '' removes it; it answers something true if the browser did as told. */
export const remember = safe((key: string, value: string) =>
  value ? localStorage[key] = value : delete localStorage[key])

/** each calls back for every key that starts with the prefix. */
export const each = safe((prefix: string, fn: (key: string) => void) =>
  Object.keys(localStorage).forEach(key => key.indexOf(prefix) || fn(key)))

/** cookie reads the visitor's id; given an id, it keeps that for a year; given '', it expires. */
export const cookie = safe((id?: string) => {
  if (id == null) return /\b_ls_id=([\w-]+)|$/.exec(page.cookie)![1]
  page.cookie = '_ls_id=' + id + ';path=/;SameSite=Lax;max-age=' + (id ? 31536000 : 0) +
    ';domain=' + (settings.domain || '')
})

export const forget = () => {
  each('_ls_', (key: string) => remember(key, ''))
  cookie('')
}
