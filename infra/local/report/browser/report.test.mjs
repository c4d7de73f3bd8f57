// Looks at the report of the last run, and at one of known figures, in a real browser; then at pages that are broken on purpose, so
// that what is looked for can be found. make verify runs it and says where the pages are:
//
//   RUN_PAGE=.local/report.html KNOWN_PAGE=.local/verify/known.html SCREENSHOT=.local/report.png node --test report.test.mjs
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { launch } from './browser.mjs'
import { look, open } from './look.mjs'

const mostOfPicture = 300_000
const run = resolve(process.env.RUN_PAGE)
const known = resolve(process.env.KNOWN_PAGE)
const folder = mkdtempSync(join(tmpdir(), 'report-'))
let browser

before(async () => { browser = await launch() })
after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true })
})

for (const [name, file] of [['the last run', run], ['known figures', known]]) {
  for (const scheme of ['light', 'dark']) {
    for (const width of [1280, 390]) {
      test(`the report of ${name}, ${scheme}, ${width} wide`, async () => {
        const tab = await open(browser, file, { scheme, width })
        assert.deepEqual(await look(tab, file), [])
        const paper = await tab.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
        assert.equal(paper === 'rgb(255, 255, 255)', scheme === 'light')
        await tab.close()
      })
    }
  }
}

test('every insight of the last run was answered', async () => {
  const tab = await open(browser, run)
  const faults = await tab.$$eval('p.fault', all => all.map(p => p.textContent))
  assert.deepEqual(faults, [])
  await tab.close()
})

test('charts show the known figures', async () => {
  const tab = await open(browser, known)
  const texts = chart => tab.$$eval(`[data-chart="${chart}"] svg text`, all => all.map(t => t.textContent))
  const funnel = await texts('attendance_funnel')
  for (const text of ['30,998', '18,104  58 %', '9,121  29 %', '2,211  7 %', '1,890  6 %']) assert.ok(funnel.includes(text), `the funnel lacks ${text}: ${funnel}`)
  assert.ok((await texts('no_shows')).includes('12,267  40 %'))
  assert.ok((await texts('monthly_trend')).includes('56 % came'))
  assert.ok((await texts('windows')).includes('shortened 2×'))
  assert.ok((await texts('costs')).some(t => t.startsWith('$')))
  const data = JSON.parse(await tab.$eval('#data', e => e.textContent))
  const windows = data.run.streams.flatMap(s => s.windows).filter(w => w.start >= data.from)
  assert.equal(await tab.$$eval('[data-chart="windows"] svg rect', all => all.length), windows.length)
  await tab.close()
})

test('a chart is drawn again for another width', async () => {
  const tab = await open(browser, known)
  const wide = await tab.$eval('[data-chart="topics"] svg', svg => svg.getBoundingClientRect().width)
  await tab.setViewport({ width: 390, height: 900 })
  await tab.waitForFunction(before => document.querySelector('[data-chart="topics"] svg').getBoundingClientRect().width < before, {}, wide)
  assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth), 390)
  await tab.close()
})

test('nothing that gets into the page can load or run anything', async () => {
  const tab = await open(browser, known)
  const refused = await tab.evaluate(async () => {
    const seen = []
    document.addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective))
    await fetch('https://example.com/').catch(() => {})
    const image = new Image()
    image.src = 'https://example.com/x.png'
    const script = document.createElement('script')
    script.textContent = 'globalThis.ran = true'
    document.body.append(image, script)
    await new Promise(resolve => setTimeout(resolve, 300))
    return { seen: [...new Set(seen)].sort(), ran: globalThis.ran ?? false }
  })
  assert.deepEqual(refused, { seen: ['connect-src', 'img-src', 'script-src-elem'], ran: false })
  await tab.close()
})

test('it prints, in the colours of paper', async () => {
  const tab = await open(browser, known, { scheme: 'dark' })
  const pages = await tab.pdf({ format: 'a4' })
  assert.ok(pages.length > 20_000)
  await tab.emulateMediaType('print')
  assert.deepEqual(await tab.evaluate(() => [getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.querySelector('nav')).display]), ['rgb(255, 255, 255)', 'none'])
  await tab.close()
})

const whole = readFileSync(known, 'utf8')
const policy = /<meta http-equiv="Content-Security-Policy"[^>]*>/
for (const [name, mutate, fault] of [
  ['no language', page => page.replace('<html lang="en">', '<html>'), /^axe, serious: html-has-lang/],
  ['words that are hardly seen', page => page.replace('</style>', '.lead { color: #bbb }</style>'), /^axe, serious: color-contrast/],
  ['a table that only a mouse can scroll', page => page.replaceAll(' tabindex="0"', ''), /^axe, serious: scrollable-region-focusable|^keyboard: \d+ of/],
  ['a focus that cannot be seen', page => page.replace('</style>', ':focus-visible { outline: none }</style>'), /^keyboard: where the focus is/],
  ['a chart that is not drawn', page => page.replace('data-chart="topics"', 'data-chart="tropics"'), /^chart: tropics is empty/],
  ['a script that was changed', page => page.replace("'use strict'", "'use strict';"), /^chart: .* is empty/],
  ['a figure that is another', page => page.replace('<td class="number">30,998</td>', '<td class="number">30,989</td>'), /^table: attendance_funnel, row 2, registered: 30,989, want 30,998/],
  ['a row that is missing', page => page.replace(/<tr><td>leads<\/td>.*?<\/tr>/, ''), /^table: data_health has 4 rows, want 5/],
  ['a picture from elsewhere', page => page.replace(policy, '').replace('</footer>', '<img alt="" src="https://example.com/x.png"></footer>'), /^request: https:\/\/example.com/],
  ['a picture that the policy refuses', page => page.replace('</footer>', '<img alt="" src="https://example.com/x.png"></footer>'), /^console: .*Content Security Policy/],
  ['something too wide', page => page.replace('</footer>', '<div style="width: 2000px">.</div></footer>'), /^width: \d+ in a window of 1280/],
  ['too much of it', page => page + ' '.repeat(2_000_000), /^weight: /],
  ['no way into it', page => page.replaceAll('<main ', '<div ').replace('</main>', '</div>'), /^structure: want one main/]
]) {
  test(`a page with ${name} is found out`, async () => {
    const broken = mutate(whole)
    assert.notEqual(broken, whole, 'the page does not have what is to be broken')
    const file = join(folder, 'broken.html')
    writeFileSync(file, broken)
    const tab = await open(browser, file)
    const faults = await look(tab, file)
    assert.ok(faults.some(f => fault.test(f)), `want ${fault}, got ${JSON.stringify(faults, null, 1)}`)
    await tab.close()
  })
}

test('a picture of it', { skip: !process.env.SCREENSHOT }, async () => {
  const tab = await open(browser, run)
  const height = await tab.evaluate(() => Math.ceil(document.querySelector('.insight:nth-of-type(2)').getBoundingClientRect().top + scrollY - 24))
  await tab.screenshot({ path: process.env.SCREENSHOT, captureBeyondViewport: true, clip: { x: 0, y: 0, width: 1280, height: Math.min(height, 1700) } })
  assert.ok(statSync(process.env.SCREENSHOT).size < mostOfPicture)
  await tab.close()
})
