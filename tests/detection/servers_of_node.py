"""Servers on Node.js."""

from tests.detection.cases import node, one_page, package

NEXT = {"dev": "next dev", "build": "next build", "start": "next start"}
VITE = {"dev": "vite dev", "build": "vite build", "preview": "vite preview"}

CASES = [
    node("Next.js", {"package.json": package("next", scripts=NEXT)}, "nextjs", "next start", build="npm run build"),
    node(
        "Next.js with pnpm",
        {
            "package.json": package(
                "next", scripts=NEXT, packageManager="pnpm@9.15.0+sha512.0", engines={"node": ">=20"}
            ),
            "pnpm-lock.yaml": "lockfileVersion: '9.0'",
        },
        "nextjs",
        "next start",
        build="pnpm run build",
        manager="pnpm",
        version=">=20",
    ),
    node(
        "Nuxt",
        {"package.json": package("nuxt", scripts={"build": "nuxt build"})},
        "nuxtjs",
        "node .output/server/index.mjs",
    ),
    node(
        "Astro with a server",
        {
            "package.json": package(
                "astro", "@astrojs/node", scripts={"build": "astro build", "preview": "astro preview"}
            ),
            "astro.config.mjs": "import node from '@astrojs/node';\nexport default { adapter: node() };",
        },
        "astro",
        "node dist/server/entry.mjs",
    ),
    node(
        "Astro for another vendor",
        {
            "package.json": package("astro", "@astrojs/vercel", scripts={"build": "astro build"}),
            "astro.config.mjs": "import vercel from '@astrojs/vercel';\nexport default { output: 'server' };",
        },
        "astro",
        "node dist/server/entry.mjs",
        confidence=0.4,
    ),
    node(
        "SvelteKit",
        {"package.json": package("@sveltejs/kit", "@sveltejs/adapter-node", "vite", scripts=VITE)},
        "sveltekit",
        "node build",
    ),
    node(
        "SvelteKit that chooses",
        {"package.json": package("@sveltejs/kit", "@sveltejs/adapter-auto", "vite", scripts=VITE)},
        "sveltekit",
        "node build",
    ),
    node(
        "Remix",
        {
            "package.json": package(
                "@remix-run/dev",
                "vite",
                scripts={"build": "remix vite:build", "start": "remix-serve ./build/server/index.js"},
            )
        },
        "remix",
        "remix-serve ./build/server/index.js",
    ),
    node(
        "React Router",
        {
            "package.json": package("@react-router/dev", "vite", scripts={"build": "react-router build"}),
            "vite.config.ts": 'import { reactRouter } from "@react-router/dev/vite";',
            "react-router.config.ts": "export default { ssr: true };",
        },
        "react-router",
        "react-router-serve build/server/index.js",
    ),
    node(
        "Angular with a server",
        {
            "package.json": package(
                "@angular/cli",
                "@angular/ssr",
                "express",
                scripts={
                    "start": "ng serve",
                    "build": "ng build",
                    "serve:ssr:shop": "node dist/shop/server/server.mjs",
                },
            )
        },
        "angular",
        "node dist/shop/server/server.mjs",
    ),
    node(
        "Express",
        {"package.json": package("express", scripts={"start": "node ./bin/www"}), "app.js": "require('express')"},
        "express",
        "node ./bin/www",
        build=None,
    ),
    node(
        "Express without a script",
        {"package.json": package("express", main="index.js"), "index.js": "require('express')().listen(80)"},
        "express",
        "node 'index.js'",
    ),
    node(
        "Express in TypeScript",
        {
            "package.json": package(
                "express", main="dist/index.js", scripts={"build": "tsc", "dev": "nodemon src/index.ts"}
            ),
            "src/index.ts": "import express from 'express';",
        },
        "express",
        "node 'dist/index.js'",
        build="npm run build",
    ),
    node(
        "Fastify",
        {"package.json": package("fastify", scripts={"start": "fastify start app.js"})},
        "fastify",
        "fastify start app.js",
    ),
    node(
        "Koa",
        {"package.json": package("koa"), "app.js": "const Koa = require('koa'); app.listen(3000)"},
        "koa",
        "node 'app.js'",
    ),
    node(
        "Nest",
        {
            "package.json": package(
                "@nestjs/core", scripts={"build": "nest build", "start": "nest start", "start:prod": "node dist/main"}
            ),
            "src/main.ts": "import { NestFactory } from '@nestjs/core';",
        },
        "nestjs",
        "node dist/main",
    ),
    node("hapi", {"package.json": package("@hapi/hapi", scripts={"start": "node ."})}, "hapi", "node ."),
    node(
        "a server of its own",
        {"package.json": package(scripts={"start": "node server.js"}), "server.js": ""},
        "node",
        "node server.js",
    ),
    node(
        "a program that listens",
        {"package.json": package(), "index.js": "http.createServer(f).listen(1)"},
        None,
        "node 'index.js'",
    ),
    node(
        "Vite with a server of its own",
        {
            "package.json": package(
                "vite",
                "react",
                "express",
                scripts={
                    "build": "vite build",
                    "start": "cross-env NODE_ENV=production node server",
                    "dev": "node server",
                },
            )
        },
        "vite",
        "cross-env NODE_ENV=production node server",
    ),
    node(
        "Qwik City",
        {
            "package.json": package("@builder.io/qwik-city", "vite", "express", scripts={"build": "qwik build"}),
            "adapters/express/vite.config.ts": "",
        },
        "qwik",
        "node server/entry.express",
    ),
    node(
        "Qwik City that nobody serves yet",
        {"package.json": package("@builder.io/qwik-city", "vite", scripts={"build": "qwik build"})},
        "qwik",
        "node server/entry.express",
        confidence=0.4,
    ),
    node(
        "TanStack Start",
        {"package.json": package("@tanstack/react-start", "nitro", "vite", scripts={"build": "vite build"})},
        "tanstack-start",
        "node .output/server/index.mjs",
    ),
    node(
        "a program behind another script, with pages that Vite builds",
        {
            "package.json": package(
                "vite",
                "express",
                scripts={"build": "vite build", "start": "npm run serve", "serve": "node server/x.js"},
            )
        },
        "vite",
        "node server/x.js",
    ),
    node(
        "a Procfile",
        {
            "package.json": package("express", scripts={"start": "nodemon x"}),
            "Procfile": "release: x\nweb: node web.js\n",
        },
        "express",
        "node web.js",
    ),
    one_page(
        "Vite that only previews",
        {"package.json": package("vite", scripts={"build": "vite build", "start": "vite preview"}), "index.html": ""},
        "vite",
        "dist",
    ),
]
