import { Module } from '@nestjs/common';
import { AssetsController } from './assets.controller.js';

/** What every page needs from its server: the style sheet and the icon. */
@Module({ controllers: [AssetsController] })
export class WebModule {}
