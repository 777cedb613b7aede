"""Pages that packages of npm build."""

from tests.detection.cases import one_page, package, pages

BUILD = {"dev": "vite", "build": "vite build", "preview": "vite preview"}
NG = '{"projects": {"shop": {"architect": {"build": {"builder": "@angular/build:application"}}}}}'
STATIC = 'import adapter from "@sveltejs/adapter-static";\nexport default { kit: { adapter: adapter(%s) } };'

CASES = [
    pages("plain HTML", {"index.html": "<h1>hi</h1>", "style.css": ""}, None, "", build=None, install=None),
    pages("HTML in public", {"public/index.html": "", "README.md": ""}, None, "public", build=None),
    pages("HTML without an index", {"about.html": ""}, None, "", confidence=0.4),
    one_page("Vite", {"package.json": package("vite", scripts=BUILD), "index.html": ""}, "vite", "dist"),
    one_page(
        "Vite, React", {"package.json": package("vite", "react", scripts=BUILD), "index.html": ""}, "vite", "dist"
    ),
    one_page("Vite, Vue", {"package.json": package("vite", "vue", scripts=BUILD), "index.html": ""}, "vite", "dist"),
    one_page(
        "Vite, Svelte", {"package.json": package("vite", "svelte", scripts=BUILD), "index.html": ""}, "vite", "dist"
    ),
    one_page(
        "Vite, Solid", {"package.json": package("vite", "solid-js", scripts=BUILD), "index.html": ""}, "vite", "dist"
    ),
    one_page(
        "Vite into another folder",
        {
            "package.json": package("vite", scripts=BUILD),
            "index.html": "",
            "vite.config.ts": "build: { outDir: './public_html/' }",
        },
        "vite",
        "public_html",
    ),
    one_page(
        "Vite into a folder that the script names",
        {"package.json": package("vite", scripts={"build": "tsc && vite build --outDir site"}), "index.html": ""},
        "vite",
        "site",
    ),
    one_page(
        "Create React App",
        {
            "package.json": package(
                "react-scripts", "react", scripts={"start": "react-scripts start", "build": "react-scripts build"}
            ),
            "public/index.html": "",
            "package-lock.json": "{}",
        },
        "create-react-app",
        "build",
        build="npm run build",
        install="npm ci",
    ),
    one_page("Vue CLI", {"package.json": package("@vue/cli-service", scripts={"build": "x"})}, "vue", "dist"),
    one_page(
        "Angular",
        {
            "package.json": package("@angular/cli", scripts={"start": "ng serve", "build": "ng build"}),
            "angular.json": NG,
        },
        "angular",
        "dist/shop/browser",
    ),
    one_page("Parcel", {"package.json": package("parcel", scripts={"build": "parcel build"})}, "parcel", "dist"),
    one_page("Ember", {"package.json": package("ember-cli", "ember-source", scripts={"build": "x"})}, "ember", "dist"),
    one_page("Preact CLI", {"package.json": package("preact-cli", scripts={"build": "x"})}, "preact", "build"),
    one_page(
        "webpack with a server for development",
        {"package.json": package("webpack", "react", "ws", scripts={"start": "webpack serve", "build": "webpack"})},
        None,
        None,
        build="npm run build",
        confidence=0.45,
    ),
    one_page(
        "React Router as one page",
        {
            "package.json": package("@react-router/dev", "vite", scripts={"build": "react-router build"}),
            "react-router.config.ts": "export default { ssr: false };",
        },
        "react-router",
        "build/client",
    ),
    pages(
        "Next.js, exported",
        {
            "package.json": package("next", "react", scripts={"build": "next build", "start": "next start"}),
            "next.config.mjs": "export default { output: 'export' };",
        },
        "nextjs",
        "out",
        build="npm run build",
    ),
    pages(
        "Nuxt, generated",
        {"package.json": package("nuxt", scripts={"build": "nuxt generate"})},
        "nuxtjs",
        ".output/public",
    ),
    pages(
        "Nuxt 2, generated",
        {
            "package.json": package(scripts={"build": "nuxt build"}, devDependencies={"nuxt": "^2.15"}),
            "nuxt.config.js": "export default { target: 'static' }",
        },
        "nuxtjs",
        "dist",
    ),
    pages(
        "Astro",
        {
            "package.json": package("astro", scripts={"build": "astro build", "start": "astro dev"}),
            "astro.config.mjs": "// output: 'server'\nexport default defineConfig({});",
        },
        "astro",
        "dist",
    ),
    pages(
        "SvelteKit, static",
        {
            "package.json": package("@sveltejs/kit", "@sveltejs/adapter-static", "vite", scripts=BUILD),
            "svelte.config.js": STATIC % "",
        },
        "sveltekit",
        "build",
    ),
    one_page(
        "SvelteKit, static with a fallback",
        {
            "package.json": package("@sveltejs/kit", "@sveltejs/adapter-static", "vite", scripts=BUILD),
            "svelte.config.js": STATIC % "{ pages: 'dist', fallback: 'index.html' }",
        },
        "sveltekit",
        "dist",
    ),
    pages("Gatsby", {"package.json": package("gatsby", "react", scripts={"build": "x"})}, "gatsby", "public"),
    pages(
        "Eleventy without scripts",
        {"package.json": package("@11ty/eleventy")},
        "eleventy",
        "_site",
        build="npx @11ty/eleventy",
    ),
    pages(
        "Eleventy into another folder",
        {
            "package.json": package("@11ty/eleventy", scripts={"start": "eleventy --serve", "build": "eleventy"}),
            "eleventy.config.js": "return { dir: { input: 'src', output: 'www' } };",
        },
        "eleventy",
        "www",
    ),
    pages(
        "Hugo from npm",
        {"package.json": package("hugo-extended", scripts={"build": "hugo --minify"}), "hugo.toml": "baseURL = '/'"},
        "hugo",
        "public",
        build="npm run build",
    ),
    pages("Hexo", {"package.json": package("hexo", scripts={"build": "hexo generate"})}, "hexo", "public"),
    pages("Docusaurus", {"package.json": package("@docusaurus/core", scripts={"build": "x"})}, "docusaurus", "build"),
    pages(
        "Metalsmith", {"package.json": package("metalsmith", scripts={"build": "node build"})}, "metalsmith", "build"
    ),
    pages(
        "VitePress",
        {"package.json": package("vitepress", scripts={"docs:build": "vitepress build docs"})},
        "vitepress",
        "docs/.vitepress/dist",
        build="npm run docs:build",
    ),
    pages(
        "VitePress at the top",
        {"package.json": package("vitepress", scripts={"build": "vitepress build"})},
        "vitepress",
        ".vitepress/dist",
    ),
    pages("Hugo without npm", {"config.toml": "baseURL = 'https://example.com'"}, "hugo", "public", confidence=0.4),
]
