// Makes a cloud assembly of one template, so that the CDK command line compares it with another without an account:
//
//   node infra/checks/assembly.mjs infra/testdata/templates/windrow-dev-on24.json .local/diff/windrow-dev-on24
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const [template, directory] = process.argv.slice(2)
if (!directory) {
  console.error('usage: node infra/checks/assembly.mjs TEMPLATE DIRECTORY')
  process.exit(1)
}
const stack = basename(template, '.json')
mkdirSync(directory, { recursive: true })
copyFileSync(template, join(directory, `${stack}.template.json`))
writeFileSync(join(directory, 'manifest.json'), JSON.stringify({
  version: '36.0.0',
  artifacts: {
    [stack]: {
      type: 'aws:cloudformation:stack',
      environment: 'aws://unknown-account/unknown-region',
      properties: { templateFile: `${stack}.template.json`, stackName: stack }
    }
  }
}))
