// The CSS of standard input without the rules for classes that no page has: `node without.js FILE`, one class a line.
import { readFileSync } from "node:fs"
import postcss from "postcss"

const unused = new Set(readFileSync(process.argv[2], "utf8").split("\n"))
const isUsed = (selector) => {
  const classes = selector.replace(/:not\([^)]*\)/g, "").match(/\.[\w-]+/g) ?? []
  return !classes.some((one) => unused.has(one.slice(1)))
}
const styles = postcss.parse(readFileSync(0, "utf8"))
styles.walkRules((rule) => {
  const kept = rule.selectors.filter(isUsed)
  if (kept.length) rule.selectors = kept
  else rule.remove()
})
styles.walkAtRules((rule) => { if (rule.nodes?.length === 0) rule.remove() })
process.stdout.write(styles.toString())
