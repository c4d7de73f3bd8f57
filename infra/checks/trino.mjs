// Says which SQL statements Trino, and so Athena, would not parse:
//
//   node infra/checks/trino.mjs < statements.json
//
// statements.json is an object of a name and one statement each. Every fault is a line of standard output, "name:line:column: what";
// the exit status is 1 where there is any. Only the grammar is looked at, no table and no type.
import { readFileSync } from 'node:fs'
import { register } from 'node:module'

register('./bundled.mjs', import.meta.url)
const { TrinoSQL } = await import('dt-sql-parser')

// The parser tells some faults on standard error too, in its own words.
console.error = () => {}

const parser = new TrinoSQL()
let faults = 0
for (const [name, sql] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
  const found = parser.validate(sql)
  for (const fault of found) report(name, fault.startLine, fault.startColumn, fault.message)
  if (found.length > 0) continue
  // A view and a named query are one statement each.
  const statements = parser.splitSQLByStatement(sql)?.length ?? 0
  if (statements !== 1) report(name, 1, 1, `${statements} statements: want one`)
}
process.exitCode = faults > 0 ? 1 : 0

function report (name, line, column, what) {
  faults++
  console.log(`${name}:${line}:${column}: ${what}`)
}
