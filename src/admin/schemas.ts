/** Parts of JSON schemas: what a route takes and gives; the OpenAPI document is made of them. */
export type Schema = Readonly<Record<string, unknown>>

/** All of `properties` are there but those named in `optional`, and no others. */
export const object = (
  properties: Readonly<Record<string, Schema>>,
  {
    optional = [],
    description,
  }: { readonly optional?: readonly string[]; readonly description?: string } = {},
): Schema => ({
  type: 'object',
  ...(description !== undefined && { description }),
  additionalProperties: false,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
})

export const list = (items: Schema): Schema => ({ type: 'array', items })

export const text = (description: string): Schema => ({ type: 'string', description })
export const count = (description: string): Schema => ({ type: 'integer', description })
export const flag = (description: string): Schema => ({ type: 'boolean', description })
export const nullable = (type: string, description: string): Schema => ({ type: [type, 'null'], description })
export const moment = (description: string): Schema => ({ type: 'string', format: 'date-time', description })
export const maybeMoment = (description: string): Schema => ({
  type: ['string', 'null'],
  format: 'date-time',
  description,
})
