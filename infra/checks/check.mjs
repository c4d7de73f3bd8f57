// Checks templates, or those of whole cloud assemblies, without an AWS account:
//
//   node infra/checks/check.mjs cdk.out/dev cdk.out/staging constructs/testdata/consumer/template.json
//
// Each template is checked by AWS's own CloudFormation rules, and each state machine in it by two validators of
// the Amazon States Language, since each finds what the other misses. One line a template goes to standard
// output; what is wrong goes to standard error, and the exit status is 1.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(import.meta.url)
const { RegoEngine, TemplateFile } = require('@aws/cloudformation-validate')
const aslValidator = require('asl-validator')
const statelint = require('@wmfs/statelint')()

// A value outside its list is only a warning there, and yet a failed deployment.
const FAILING = new Set(['FATAL', 'ERROR', 'WARN'])

// CDK itself writes the superfluous dependencies that W3005 is about.
const RULES = { exclude: { ids: ['W3005'] } }

// What a reference is replaced by, so that the validators see a definition as it will be deployed.
const PSEUDO = { 'AWS::Partition': 'aws', 'AWS::Region': 'us-east-1', 'AWS::AccountId': '123456789012', 'AWS::URLSuffix': 'amazonaws.com' }

function resolve (value) {
  if (typeof value === 'string') return value
  if (value?.['Fn::Join']) {
    const [separator, parts] = value['Fn::Join']
    return parts.map(resolve).join(separator)
  }
  if (value?.Ref) return PSEUDO[value.Ref] ?? arn(value.Ref)
  if (value?.['Fn::GetAtt']) return arn(value['Fn::GetAtt'][0])
  throw new Error(`a state machine's definition holds ${JSON.stringify(value)}: want text, Fn::Join, Ref or Fn::GetAtt`)
}

const arn = logicalId => `arn:aws:lambda:us-east-1:123456789012:function:${logicalId}`

function stateMachineErrors (properties) {
  let definition
  try {
    definition = JSON.parse(resolve(properties.DefinitionString))
  } catch (error) {
    return [error.message]
  }
  // asl-validator changes what it is given.
  const { errors } = aslValidator(structuredClone(definition))
  return [...errors.map(e => `asl-validator: ${e['Error code'] ?? e.code ?? ''} ${e.Message ?? e.message ?? JSON.stringify(e)}`), ...statelint.validate(definition).map(e => `statelint: ${e}`)]
}

const describe = d => [d.entity?.logicalId, d.propertyPath, `${d.ruleId}: ${d.message}`, d.suggestedFix].filter(Boolean).join(' ')

function checkTemplate (engine, path) {
  const template = JSON.parse(readFileSync(path, 'utf8'))
  const report = engine.validateStandard(new TemplateFile(path), RULES)
  const errors = []
  if (report.status !== 'OK') errors.push(`cloudformation-validate ended with the status ${report.status}`)
  errors.push(...report.diagnostics.filter(d => FAILING.has(d.severity)).map(describe))
  let machines = 0
  for (const [id, resource] of Object.entries(template.Resources)) {
    if (resource.Type !== 'AWS::StepFunctions::StateMachine') continue
    machines++
    errors.push(...stateMachineErrors(resource.Properties).map(message => `${id} ${message}`))
  }
  console.log(`${path}: ${Object.keys(template.Resources).length} resources, ${machines} state machines, ${errors.length} errors`)
  for (const message of errors) console.error(`${path}: ${message}`)
  return errors.length
}

function templatesOf (assembly) {
  if (assembly.endsWith('.json')) return [assembly]
  const manifest = join(assembly, 'manifest.json')
  if (!existsSync(manifest)) throw new Error(`${assembly} is no cloud assembly: it has no manifest.json; run cdk synth -o ${assembly} first`)
  const stacks = Object.values(JSON.parse(readFileSync(manifest, 'utf8')).artifacts).filter(a => a.type === 'aws:cloudformation:stack')
  if (stacks.length === 0) throw new Error(`${assembly} holds no stack`)
  return stacks.map(stack => join(assembly, stack.properties.templateFile))
}

const assemblies = process.argv.slice(2)
if (assemblies.length === 0) {
  console.error('usage: node infra/checks/check.mjs CLOUD_ASSEMBLY|TEMPLATE...')
  process.exit(1)
}
const engine = new RegoEngine()
let errors = 0
for (const assembly of assemblies) {
  try {
    for (const template of templatesOf(assembly)) errors += checkTemplate(engine, template)
  } catch (error) {
    console.error(`${assembly}: ${error.message}`)
    errors++
  }
}
engine.free()
process.exitCode = errors === 0 ? 0 : 1
