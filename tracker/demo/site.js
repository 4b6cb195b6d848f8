// The demo site's own few lines; the tracker needs none of them.

// Calls made before tracker.js has come are queued.
window.leadstream = window.leadstream || function () { (leadstream.q = leadstream.q || []).push(arguments) }

// The leads app stands beside the collector, ten ports up unless it was moved: ?leads=8099 says where.
const leadsPort = sessionStorage.leads = new URLSearchParams(location.search).get('leads') || sessionStorage.leads || 8090
const leads = `${location.protocol}//${location.hostname}:${leadsPort}/`

// So that a newcomer finds their own lead: who the tracker says this browser is.
function introduce() {
  const id = (document.cookie.match(/\b_ls_id=([\w-]+)/) || [])[1]
  for (const link of document.querySelectorAll('[data-leads]')) link.href = leads
  const you = document.querySelector('.you')
  if (!you || !id) return id
  you.hidden = false
  you.querySelector('a').href = `${leads}?q=${id}`
  you.querySelector('code').textContent = id.slice(0, 8)
  return id
}
introduce()
const asking = setInterval(() => introduce() && clearInterval(asking), 500)

// The form: who asks for a demo is no longer anonymous.
const form = document.querySelector('form[name=demo-request]')
if (form) form.addEventListener('submit', event => {
  event.preventDefault()
  const { email, name, company, role, kilns } = Object.fromEntries(new FormData(form))
  leadstream('identify', email.trim().toLowerCase(), { email, name, company, role, kilns: Number(kilns) })
  location.href = 'thanks.html'
})

// The docs are a single-page application: links swap the text and push the address. Every address is
// also a file of its own, so a reload or a link from outside works too.
const docs = document.querySelector('.docs')
if (docs) {
  const show = async (address, push) => {
    const answer = await fetch(address)
    if (!answer.ok) return void (location.href = address)
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
    if (push) history.pushState({}, '', address)
    docs.replaceChildren(...next.querySelector('.docs').childNodes)
    document.title = next.title
    scrollTo(0, 0)
  }
  docs.addEventListener('click', event => {
    const link = event.target.closest('a[data-doc]')
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    show(link.href, true)
  })
  addEventListener('popstate', () => show(location.href))
}
