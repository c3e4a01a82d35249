/** What a property list of a configuration profile holds. */
export type PropertyValue =
  string | number | boolean | Buffer | readonly PropertyValue[] | { readonly [key: string]: PropertyValue }

/** An XML property list (version 1.0, as in Apple's PropertyList-1.0.dtd). Numbers are integers. */
export const propertyList = (root: PropertyValue): string =>
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n' +
  `<plist version="1.0">\n${element(root, '')}</plist>\n`

function element(value: PropertyValue, indent: string): string {
  const line = (text: string): string => `${indent}${text}\n`
  const inside = `${indent}  `
  if (typeof value === 'string') return line(`<string>${escaped(value)}</string>`)
  if (typeof value === 'number') return line(`<integer>${value}</integer>`)
  if (typeof value === 'boolean') return line(`<${value}/>`)
  if (Buffer.isBuffer(value)) return line(`<data>${value.toString('base64')}</data>`)
  if (isList(value))
    return line('<array>') + value.map((one) => element(one, inside)).join('') + line('</array>')
  const entries = Object.entries(value).map(
    ([key, one]) => `${inside}<key>${escaped(key)}</key>\n${element(one, inside)}`,
  )
  return line('<dict>') + entries.join('') + line('</dict>')
}

const isList = (value: PropertyValue): value is readonly PropertyValue[] => Array.isArray(value)

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
