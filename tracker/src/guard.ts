// The page comes first: nothing in here may throw into it, block it or change what it sees.

import { settings } from './settings'

export const page = document
export const site = location

export const say = (word: unknown) => { if (settings.debug != null) console.log('leadstream', word) }

/** safe wraps a function so that its failure is ours alone. */
export const safe = (fn: (...args: any[]) => any) => (...args: any[]) => {
  try {
    return fn(...args)
  } catch (error) {
    say(error)
  }
}

/**
 * on listens before the page's own listeners can stop an event. No event that we listen to can delay
 * scrolling (no touchmove, no wheel), so there is nothing to make passive.
 */
export const on = (target: EventTarget, types: string, fn: (event: any) => void) =>
  types.split(' ').forEach(type => target.addEventListener(type, safe(fn), true))

/**
 * uuid makes a version 4 UUID. crypto.randomUUID is missing on plain http, where many sites live that
 * paste the tag; getRandomValues is not.
 */
export const uuid = () =>
  'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    (crypto.getRandomValues(new Uint8Array(1))[0] & 15).toString(16))

/**
 * json is JSON.stringify, out of reach of the toJSON that old libraries hang on Array.prototype and that
 * turns every list into a string.
 */
export const json = (value: unknown): string => {
  const list = Array.prototype as any
  const theirs = list.toJSON
  delete list.toJSON
  try {
    return JSON.stringify(value)
  } finally {
    if (theirs) list.toJSON = theirs
  }
}
