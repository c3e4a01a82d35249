/** The field of an order that carries a confirmed figure, where there is one. */
export const confirmField = (confirm: number | undefined): { readonly confirm?: number } =>
  confirm === undefined ? {} : { confirm }
