import { render } from 'preact'

import { App } from './app'
import { followLinks } from './route'

followLinks()
const root = document.getElementById('root')
if (root) render(<App />, root)
