// A headless Chromium, as the npm package @sparticuz/chromium ships it. One of your own does as well: CHROME=/usr/bin/chromium.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import chromium, { inflate, setupLambdaEnvironment } from '@sparticuz/chromium'
import puppeteer from 'puppeteer-core'

const packaged = fileURLToPath(new URL('node_modules/@sparticuz/chromium/', import.meta.url))

// unpacked is the packaged browser's path. The package unpacks into the folder for temporary files and takes what it finds there, of
// whatever version, so it gets one of this version's own.
async function unpacked () {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`there is no packaged browser for ${process.platform} on ${process.arch}: say where a Chromium is, CHROME=/path/to/chromium`)
  }
  const { version } = JSON.parse(readFileSync(join(packaged, 'package.json'), 'utf8'))
  const folder = fileURLToPath(new URL(`../../../../.local/browser/${version}`, import.meta.url))
  mkdirSync(folder, { recursive: true })
  process.env.TMPDIR = folder
  chromium.setGraphicsMode = false
  const path = await chromium.executablePath()
  // A machine without a desktop lacks libraries that the package has for such: NSS and what it is made of.
  if (execFileSync('ldd', [path], { encoding: 'utf8' }).includes('not found')) {
    await inflate(join(packaged, 'bin', 'al2023.tar.br'))
    setupLambdaEnvironment(join(folder, 'al2023', 'lib'))
  }
  return path
}

export async function launch () {
  return puppeteer.launch({
    executablePath: process.env.CHROME || await unpacked(),
    headless: process.env.CHROME ? true : 'shell',
    // In a container there is neither a sandbox to be had nor a shared memory worth the name.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none', '--hide-scrollbars']
  })
}
