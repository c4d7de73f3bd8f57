// Puts questions to the lake of a local run, one after another, in one process. Standard input has them as JSON:
//
//   {"views": "path of views.sql", "lakes": [{"schema": "on24", "queries": ["select ..."]}]}
//
// Standard output tells of each, a line of JSON at a time: {"columns": [[name, type]]}, then {"rows": [[text or null]]} as often as it
// takes, or {"fault": "why it was not answered"}.
import { readFileSync, writeSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'

const many = 1000
const { views, lakes } = JSON.parse(readFileSync(0, 'utf8'))
const text = value => value === null ? null : String(value)

// say waits for whoever reads: a pipe is full sooner than an answer is told.
function say (line) {
  let rest = Buffer.from(JSON.stringify(line) + '\n')
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

try {
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(readFileSync(views, 'utf8'))
  for (const { schema, queries } of lakes) {
    if (schema) await connection.run(`use "${schema.replaceAll('"', '""')}"`)
    for (const query of queries) {
      try {
        const reader = await connection.runAndReadAll(query)
        const names = reader.columnNames()
        say({ columns: reader.columnTypes().map((type, i) => [names[i], String(type)]) })
        const rows = reader.getRows()
        for (let at = 0; at < rows.length; at += many) say({ rows: rows.slice(at, at + many).map(row => row.map(text)) })
      } catch (error) {
        say({ fault: error.message })
      }
    }
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
