import { Module } from '@nestjs/common';
import { GatewayEventsController } from './gateway-events.controller.js';

@Module({ controllers: [GatewayEventsController] })
export class EventsModule {}
